//! Federated training over a fleet that comes and goes, in simulated time: in synchronous rounds of one server, of tiers
//! or of edges, or without any.
//!
//! ```text
//!            ┌────────────── too few devices: wait for one to come ──────────────┐
//!            ▼                                                                   │
//!   open round ─► ask ceil(cohort x over-commitment) ─► exchange ─► aggregate ─► close round
//!                                                         ▲            │
//!                                                         └─ same cohort
//!
//!   each client:  download (flow) ─► compute ─► upload (flow) ─► arrived ─► waits for the verdict
//! ```
//!
//! Training is lazy: a client's duration follows from its assignment's workload, and its job is run
//! only if its update is aggregated. Jobs run in parallel and are joined in the order of arrival,
//! so the number of threads changes nothing.
//!
//! # Rules
//!
//! 1. **Who is asked.** Devices that are there, that the scenario's eligibility admits (charging, on
//!    Wi-Fi, charged enough) and whose memory holds the assignment, in an order that the policy of selection
//!    gives them. The server is
//!    told who is asked, in that order, before it hands out the work; what a client's part costs does
//!    not depend on who else is asked. Every device has a key that depends on the seed, the round and itself
//!    alone. Of the policies
//!    * *random* takes the order of the keys: every algorithm sees the same draws;
//!    * *availability* takes first who is least likely to be there all through the next round, by what was seen
//!      of its comings and goings until now; who was asked in the last few rounds comes after all others;
//!    * *oort* takes a share of devices that were never asked, drawn by the keys in proportion to their speed, and
//!      the others by how much there was to learn from them, how long ago that was and how long they take, drawn by
//!      the keys in proportion to that score. For it clients report their losses, four bytes behind each update;
//!    * *resources* draws some by the keys, and takes first who thinks it will be done the soonest, nobody who
//!      thinks it will exceed the deadline or who would have too little memory left; if all do, the soonest alone;
//!    * *energy* takes first who has spent the least joules, radios' tails included, or who will have the fullest
//!      battery.
//!
//!    What is equal falls back on the keys. All but the random policy pass over devices whose memory cannot hold the
//!    algorithm at all; in the random one those draw along, and are counted where they would have been asked. What
//!    policies know, devices say when they come, or the server has seen: nothing of it is of the future, and
//!    coming costs no bytes.
//! 2. **When a round opens.** As soon as a full cohort is there (or every device that can run the
//!    algorithm at all, if those are fewer). If that takes longer than the deadline, with whoever is
//!    there then or comes next. The server waits for a device's coming, never by polling.
//! 3. **When an exchange ends.** At the arrival of as many updates as wanted, or when nobody is left
//!    who could deliver, or at the deadline, counted from the start of the exchange. What has
//!    arrived by then is aggregated; an update that arrives exactly at the deadline has arrived, and
//!    one whose device leaves exactly at its arrival has not. Of several that arrive at the same
//!    instant those first in the selection come first, and no more than wanted count.
//! 4. **Void rounds.** If nothing arrives, nothing is aggregated; the round counts as a round, and
//!    as void.
//! 5. **Same cohort.** The server may ask those whose updates it has just joined for another
//!    exchange of the same round, in the order in which they arrived; those who have left since are
//!    not replaced. It is told again who is asked.
//! 6. **Leaving.** A device that leaves loses what it was doing at that instant, unless its update
//!    is at the server. One that is no longer eligible has left, and so has one whose battery is
//!    empty.
//! 7. **Useful and wasted.** What a client spends in an exchange is useful if its update is
//!    aggregated and wasted otherwise; every FLOP, byte and joule is one or the other. What was done
//!    stays spent: of a computation broken off, the phases that had ended and the elapsed part of
//!    the present one, rounded down to whole FLOPs; of a transfer, the whole bytes moved.
//! 8. **Energy.** A device is charged from the moment it is asked until it is done with the round:
//!    its receive power during a download, compute power while computing, transmit power during an
//!    upload (latency included, the radio is on), and idle power while it waits for the verdict.
//!    These are powers of the whole device, idle power included. A device that is not engaged in a
//!    round is charged nothing, but for its radio's tail: after a transfer, complete or broken off,
//!    the device draws the tail's power instead of resting, until the tail is over or it does
//!    something that has a power of its own. What is drawn after the device is done is useful or
//!    wasted as its last exchange was; what is drawn after the round's close is told with the next
//!    round that closes, until the device is asked again. Aggregation and evaluation are the server's
//!    and take no simulated time; what does is in rule 11.
//! 9. **Zero bytes are no transfer**, and cost no latency either.
//! 10. **Limits.** A limit of simulated time breaks the open round off at that instant, which makes
//!     its open exchange waste; the limit of FLOPs is looked at after every exchange, that of rounds
//!     after every round. A round that the end of the run breaks off is the last of
//!     the rounds: its earlier exchanges stand, and all it spent is in the ledger.
//! 11. **The server's computing.** Where joining an exchange's updates is a part of training, as in
//!     split learning, it takes the server's FLOPs over its speed, from the end of the exchange on.
//!     Only then are the updates joined, the next exchange begun or the round closed; until then
//!     those who delivered wait, as in rule 8. What the end of the run breaks off is not joined, and
//!     what the server had done of it is counted.
//! 12. **Whole rounds.** Where what a client does is of use only if it stays to the end of the
//!     round, what those did who did not is waste, their earlier exchanges included; and what all
//!     did, if the round does not get to its end.
//! 13. **Clocks.** How long a computation takes is said by the roofline of the device's profile, or
//!     by another clock that the scenario names. By another clock work progresses evenly from its
//!     start to its end, and transfers take the clock's time if it has one: no latency, nothing
//!     shared, of the time for both directions each has the share of its bytes. An exchange without
//!     computing takes no time to compute. Powers and memory are the profile's under any clock, and
//!     an algorithm that weighs one way to work against another is told the clock's times.
//! 14. **Throttling and background load.** Clocks speak of an undisturbed device. One that is hot,
//!     or has other programs to run, takes as much longer as its speed is lower, from change to
//!     change; it draws its compute power all the while, and what it has done when it is broken off
//!     is the integral of its speed, rounded down to whole nanoseconds of an undisturbed device. It
//!     is under load while it computes and cools in all other time, asked or not.
//! 15. **Batteries.** A device with a battery draws on it at all times: the power of rule 8 while
//!     it is engaged or its radio is awake, else its idle power, there or not. Plugged in it lives off
//!     the mains and charges. It dies, leaves or comes at the first nanosecond at which a level is
//!     crossed, and changes of state come first at every instant: a device that dies exactly at its
//!     arrival has not delivered. The dead draw nothing; they live again when they are plugged in.
//!     A link that is down ([`Outage`]) keeps all devices away whose way crosses it.
//!
//! Without rounds ([`Policy::Asynchronous`]) rules 1 to 5, 11 and 12 give way to these:
//!
//! 16. **Who is at work.** So many clients at any time, or all free devices of a fleet with fewer. A
//!     device is free if it is there, has the memory and is not at work; whenever somebody is done or
//!     a device comes, the server draws among the free ones, each as likely. The draws depend on the
//!     seed and on how many were asked before. A client trains the model as it is when it is asked;
//!     where the model moves at the same instant, it gets the new one.
//! 17. **When the model moves.** At the arrival of as many updates as wanted, in the order in which
//!     they arrived; more that arrive at that instant wait for the next version. Staleness counts
//!     the versions between a client's asking and the joining of its update. An update that is staler
//!     than the bound is discarded without its training being done.
//! 18. **Being done.** A device whose update is at the server is done, and idles on its own account.
//!     What it spent is useful once its update has moved the model, and waste if that was too
//!     stale or the run ends first; its radio's tail is useful if the update was in time when it
//!     arrived. Who takes longer than the deadline is broken off, as is who is at work when the run
//!     ends.
//! 19. **Windows.** What is told as a round is all that ended between two versions of the model. What
//!     the end of the run breaks off is the last of them.
//!
//! Where groups of devices have rounds of their own ([`Policy::Tiers`], [`Policy::Hierarchical`]), rules 1 to 15 hold for
//! each group and its server, and these besides:
//!
//! 20. **Who is in which group.** Every device is in one group for good, and a group's server asks its own devices alone.
//!     An edge has the devices behind its aggregator, which send it their updates and get from it their model: their
//!     transfers go no further. Tiers are of those that can run the algorithm at all, ranked by how long its first
//!     assignment takes them alone on the network, as many in each as in any other or one more in the first ones; equal
//!     ones by number. So they differ from algorithm to algorithm. The keys of rule 1 depend on the group's own round.
//! 21. **Tiers.** A tier's round joins its updates to the tier's model, and that moves the global model at the same
//!     instant (FedAT, [`tiers`]; or by another weighing of the tiers). The tier's next round starts from the global model as it is when that round opens, all
//!     reports of that instant included. Staleness counts the reports between a round's opening and its own. A round of
//!     any tier is a round of the run.
//! 22. **Edges.** The cloud sends its model to every edge over its backhaul, at the start too; the edge opens its rounds
//!     when it has it, and sends its own model after so many. When the cloud has those of all edges it takes their mean,
//!     weighed by the examples of the clients whose updates each has joined since the last time, every client counted
//!     once (HierFAVG, [`hierarchy`]); a version of the cloud's model is a round of the run, void if nobody's update was
//!     joined anywhere. What an edge's rounds have spent is told, and useful, once the cloud has heard of them; what it has
//!     not heard of when the run ends is waste. The limit of FLOPs is looked at after every round of an edge. Bytes of the
//!     backhaul are counted apart from the devices'; edges and cloud are charged no energy.
//! 23. **Desertion.** A tier or edge that waits for devices holds up no other tier, but the cloud. If no device will ever
//!     come again, an edge that waits reports what it has and is left out from then on; the run ends when all edges have
//!     been, or all tiers wait.
//!
//! Where rounds have deadlines of their own ([`Federation::paced`], [`Deadlines`]):
//!
//! 24. **Stopping.** A client may compute until its upload of a whole update, alone on the network, would end at the round's
//!     deadline. Who is done by then, or exactly then, goes on undisturbed. Who still computes sends the gradients of the
//!     layers that it has, from the head down: a layer is there when the FLOPs of the forward and of the backward down to
//!     it are done, by the clock and through all disturbances. Who has none, or still downloads, is late. Uploads under way
//!     are waited for; rule 3 holds besides.
//! 25. **What stopping costs.** What led to the layers that are sent is useful if they are joined. What was begun beyond
//!     them is waste whatever becomes of them: its FLOPs, and of the energy of computing the share that its undisturbed
//!     time is of all of the computing's.
//! 26. **Layers.** Each layer is joined over those who reached it, corrected by what the server believes of nobody's
//!     reaching it ([`RoundDeadline::missed`]); one that nobody reached stays. An algorithm that cannot do that is refused.

mod adaptive;
mod anatomy;
mod asking;
mod asynchronous;
mod books;
mod by_place;
mod client;
mod clock;
mod compute;
mod conditions;
mod config;
mod draw;
mod error;
mod event;
mod exchange;
mod group;
mod hierarchy;
mod ledger;
mod links;
mod mode;
mod outages;
mod outcome;
mod peaks;
mod power;
mod presence;
mod processors;
mod resumption;
mod round;
mod selection;
mod server;
mod side;
mod supplies;
mod tails;
mod tiers;
mod timed;
mod way;

pub use adaptive::{
    Bound, Choice, Deadlines, NoChoice, Pace, RoundDeadline, Wanted, choose, missed, penalty, sizes,
};
pub use anatomy::Anatomy;
pub use clock::{Clock, Undisturbed};
pub use conditions::Conditions;
pub use config::{ConfigError, FederationConfig, Policy, Stop, TierWeights};
pub use error::FederationError;
pub use group::GroupInfo;
pub use ledger::{Ledger, Resources};
pub use outages::Outage;
pub use outcome::{
    Backhaul, ClientOutcome, Closing, End, Fate, Observer, ObserverError, RoundOutcome, RunOutcome,
    Standing,
};
pub use peaks::{Peak, Peaks};
pub use presence::Sessions;
pub use server::Federation;
