//! A scenario between its text and its types: a tree of plain values, and reading types from it.
//!
//! Types are read from the tree rather than from the text, because a `--set` changes the tree, and because the
//! reader here knows the path of everything it touches: an error says which field it means, and its line and
//! column follow from the path ([`crate::yaml::locate`]).

mod de;
mod fault;
mod node;
mod path;

pub(crate) use self::{
    de::read,
    fault::{Fault, Kind, Spot},
    node::{Node, quoted},
};
pub use path::{FieldPath, Segment};
