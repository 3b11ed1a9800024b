//! The simulation kernel: one clock, one calendar of typed events, no opinions.
//!
//! ```text
//!              schedule(at, class, event) ──► Handle ──► cancel(handle)
//!                        │                                   │
//!                        ▼                                   ▼
//!   ┌──────────────────── Calendar<E> ───────────────────────────────┐
//!   │  now      heap of (time, class, seq, slot)      slots of E     │
//!   └─────────────────────────┬──────────────────────────────────────┘
//!                             ▼
//!        advance() ──► Fired { time, class, seq, event } ──► your `match`
//! ```
//!
//! Nothing here knows of learning, devices or networks: a model is an enum of events and a loop
//! that matches on them.
//!
//! ```
//! use fleetune_kernel::{Calendar, Class, Event, SimDuration};
//!
//! enum Lamp {
//!     On,
//!     Off,
//! }
//! impl Event for Lamp {
//!     fn entity(&self) -> String {
//!         "lamp".into()
//!     }
//! }
//!
//! let mut calendar = Calendar::new();
//! let second = SimDuration::from_seconds(1.0)?;
//! calendar.schedule_in(second, Class::StateChange, Lamp::On)?;
//! while let Some(fired) = calendar.advance() {
//!     if let Lamp::On = fired.event {
//!         calendar.schedule_in(second, Class::StateChange, Lamp::Off)?;
//!     }
//! }
//! assert_eq!(calendar.now().as_nanos(), 2_000_000_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//!
//! 1. **Whole nanoseconds.** Time is an integer; comparison and addition are exact; there is no
//!    tolerance anywhere. Overflow is an error, never a wrap.
//! 2. **One place rounds.** Seconds become nanoseconds in [`SimDuration::from_seconds`] alone, which
//!    rounds up: work never ends early.
//! 3. **The order is public.** Of the events pending at the time of the call,
//!    [`Calendar::advance`] fires the least by `(time, class, seq)`. [`Class`] puts physics before
//!    decisions; `seq` is the order of scheduling, so equal events are first in, first out.
//! 4. **The clock never goes back.** Scheduling before [`Calendar::now`] is an error. Scheduling
//!    *at* now is allowed, in any class: the new event is then one of the pending ones of rule 3.
//! 5. **Cancelled means never fired.** A [`Handle`] is good for one event: once that has fired or
//!    been cancelled, cancelling again does nothing, also when its slot has been given to another.
//! 6. **Nothing is lost.** `scheduled = fired + cancelled + pending` at all times ([`Counts`]).
//! 7. **Bounded waste.** Cancellation is lazy, yet dead entries never outnumber living ones: the
//!    calendar compacts itself as soon as they would.
//! 8. **No livelock.** A chain of events, each scheduled at the instant at which the one before it
//!    fired, is cut at a cap with [`KernelError::Livelock`], which names the entity. The length of
//!    the chain is counted, not the number of events in an instant: a hundred thousand devices may
//!    wake at once.
//! 9. **Save and restore change nothing.** A [`Snapshot`] lists the pending events in firing order
//!    with their `seq` and slots; a restored calendar fires the same events in the same order,
//!    gives new events the same `seq`, and honours the handles taken out before.

mod calendar;
mod class;
mod error;
mod heap;
mod snapshot;
mod time;

pub use calendar::{Calendar, Counts, DEFAULT_INSTANT_CAP, Event, Fired, Handle};
pub use class::Class;
pub use error::{KernelError, RestoreError};
pub use snapshot::{PendingEvent, Snapshot};
pub use time::{SimDuration, SimTime, TimeError};
