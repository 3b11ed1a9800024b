//! The kernel's guarantees, held against an oracle and against queues with closed forms.

mod closed_forms;
mod guarantees;
mod oracle;
mod queue;
