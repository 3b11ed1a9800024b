//! The kernel's guarantees, one by one and against an oracle.
//!
//! Queues with closed forms, which hold the kernel from above, are in `validation/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here, and says where")]

mod guarantees;
mod oracle;
