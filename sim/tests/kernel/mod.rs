//! The kernel's guarantees, held against an oracle and against queues with closed forms.

pub(crate) mod acceptance;
mod closed_forms;
mod guarantees;
mod oracle;
mod queue;
