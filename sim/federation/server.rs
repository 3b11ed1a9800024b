//! The run: one loop over the calendar.

use std::{fmt, ops::ControlFlow};

use fleetune_algorithms::{
    mixing::Mixer,
    protocol::{Assignment, Exchange, Horizon, Server},
};
use fleetune_devices::{
    Device, Fleet, Workload,
    network::{Alone, Wiring},
    streams::SeedTree,
};
use fleetune_units::{Flops, FlopsPerSecond, Seconds};

use super::{
    asynchronous::Asynchronous,
    clock::{Clock, Undisturbed},
    conditions::Conditions,
    config::{ConfigError, FederationConfig, Policy},
    error::FederationError,
    event::FederationEvent,
    links::Links,
    outcome::{End, Observer, RunOutcome, Standing},
    peaks::Peaks,
    presence::{Presence, Sessions, Source},
    processors::Processors,
    round::{Round, Waiting},
    side::Side,
    supplies::Supplies,
    tails::Tails,
};
use crate::kernel::{Calendar, SimDuration, SimTime};

/// The rules of a run in kernel time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Updates wanted per round.
    pub(super) cohort: u32,
    /// Devices asked per round.
    pub(super) asked: u32,
    pub(super) deadline: Option<SimDuration>,
    pub(super) rounds: u64,
    pub(super) time_limit: Option<SimTime>,
    pub(super) flops_limit: Option<Flops>,
    pub(super) evaluate_every: u64,
    pub(super) server_speed: FlopsPerSecond,
}

impl Rules {
    fn of(config: &FederationConfig) -> Result<Self, FederationError> {
        config.validate()?;
        let nanos = |time: Seconds| SimDuration::from_seconds(time.get());
        let time_limit = config.stop.simulated_time.map(nanos).transpose()?;
        Ok(Self {
            cohort: config.cohort,
            asked: config.asked(),
            deadline: config.deadline.map(nanos).transpose()?,
            rounds: config.stop.rounds,
            time_limit: time_limit.map(|limit| SimTime::ZERO.after(limit)).transpose()?,
            flops_limit: config.stop.device_flops,
            evaluate_every: config.evaluate_every,
            server_speed: config.server_speed,
        })
    }
}

/// One algorithm on one fleet, ready to run. See the [module page](super) for the rules.
pub struct Federation<'a> {
    pub(super) rules: Rules,
    pub(super) seeds: SeedTree,
    pub(super) devices: &'a [Device],
    pub(super) server: Side<'a>,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) calendar: Calendar<FederationEvent>,
    pub(super) presence: Presence<'a>,
    pub(super) wiring: Wiring,
    pub(super) links: Links,
    pub(super) clock: Clock,
    pub(super) processors: Processors,
    pub(super) supplies: Supplies,
    pub(super) tails: Tails,
    /// By device: whether its memory holds the algorithm's first assignment.
    pub(super) capable: Vec<bool>,
    /// Devices that are there and can run the algorithm.
    pub(super) ready: u32,
    pub(super) standing: Standing,
    pub(super) waiting: Option<Waiting>,
    pub(super) round: Option<Round>,
    /// What there is besides if there are no rounds.
    pub(super) asynchronous: Option<Asynchronous>,
    pub(super) end: Option<End>,
    evaluated: Option<u64>,
}

impl<'a> Federation<'a> {
    /// A federation whose devices come and go by the laws of their profiles.
    ///
    /// # Errors
    /// The configuration cannot be run, or the fleet is too large.
    pub fn new(
        config: &FederationConfig,
        fleet: &'a Fleet,
        seeds: SeedTree,
        server: &'a mut dyn Server,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, FederationError> {
        let source = Source::laws(&fleet.devices, seeds);
        Self::with_source(config, fleet, source, seeds, server, observer)
    }

    /// A federation whose devices come and go as told: a recorded trace, say.
    ///
    /// # Errors
    /// As [`Federation::new`], or `sessions` has not one element per device.
    pub fn with_sessions(
        config: &FederationConfig,
        fleet: &'a Fleet,
        sessions: Vec<Sessions<'a>>,
        seeds: SeedTree,
        server: &'a mut dyn Server,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, FederationError> {
        let (devices, told) = (fleet.devices.len(), sessions.len());
        if told != devices {
            return Err(FederationError::Sessions { devices, sessions: told });
        }
        Self::with_source(config, fleet, Source::Told(sessions), seeds, server, observer)
    }

    fn with_source(
        config: &FederationConfig,
        fleet: &'a Fleet,
        source: Source<'a>,
        seeds: SeedTree,
        server: &'a mut dyn Server,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, FederationError> {
        let devices = &fleet.devices[..];
        if u32::try_from(devices.len()).is_err() {
            return Err(FederationError::FleetTooLarge(devices.len()));
        }
        let rules = Rules::of(config)?;
        let wiring = config.wiring(devices)?;
        let (server, asynchronous) = match config.policy {
            Policy::Synchronous => (Side::Cohorts(server), None),
            Policy::Asynchronous { concurrency, rule } => {
                let mixer = Mixer::new(server, rule).ok_or(ConfigError::NeedsCohorts)?;
                (Side::Mixed(mixer), Some(Asynchronous::new(concurrency)))
            }
        };
        Ok(Self {
            rules,
            seeds,
            devices,
            server,
            observer,
            calendar: Calendar::new(),
            presence: Presence::new(devices.len(), source),
            links: Links::new(&wiring),
            wiring,
            clock: Clock::default(),
            processors: Processors::new(seeds),
            supplies: Supplies::new(devices, &Conditions::default(), &seeds),
            tails: Tails::default(),
            capable: Vec::new(),
            ready: 0,
            standing: Standing::default(),
            waiting: None,
            round: None,
            asynchronous,
            end: None,
            evaluated: None,
        })
    }

    /// Holds the devices to `conditions`. Sessions that were told stay as they are: they say when a
    /// device may be asked, its battery apart.
    #[must_use]
    pub fn under(mut self, conditions: &Conditions) -> Self {
        if !self.presence.is_told() {
            let source = Source::under(conditions, self.devices, self.seeds);
            self.presence = Presence::new(self.devices.len(), source);
        }
        self.clock = conditions.clock.clone();
        self.supplies = Supplies::new(self.devices, conditions, &self.seeds);
        self
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// [`FederationError`]; all of them are final.
    pub fn run(mut self) -> Result<RunOutcome, FederationError> {
        self.survey();
        if self.evaluate()?.is_break() {
            self.end = Some(End::Asked);
        } else if self.standing.excluded as usize == self.devices.len() {
            self.end = Some(End::ExcludedByMemory);
        } else {
            self.presence.start(&mut self.calendar)?;
            self.start_batteries()?;
            self.count_ready();
            if let Some(limit) = self.rules.time_limit {
                self.schedule(limit, FederationEvent::Stop)?;
            }
            match self.asynchronous {
                Some(_) => self.look()?,
                None => drop(self.schedule(SimTime::ZERO, FederationEvent::OpenRound)?),
            }
        }
        while self.end.is_none() {
            let Some(fired) = self.calendar.advance() else {
                self.run_dry()?;
                break;
            };
            self.standing.time = fired.time;
            self.handle(fired.event)?;
            self.links.arm(&mut self.calendar)?;
            if self.end.is_none() && self.is_settled() && self.waits_in_vain() {
                self.end = Some(End::NobodyComes);
                self.break_off()?;
            }
        }
        self.tell_tails();
        if self.evaluated != Some(self.standing.rounds) {
            // The run is over whatever the observer says.
            let _ = self.evaluate()?;
        }
        self.tell_batteries();
        let end = self.end.unwrap_or(End::NobodyComes);
        Ok(RunOutcome { end, standing: self.standing, events: self.calendar.counts().fired })
    }

    /// Nothing will ever happen again.
    fn run_dry(&mut self) -> Result<(), FederationError> {
        self.end = Some(if self.round.is_some() { End::Stalled } else { End::NobodyComes });
        self.break_off()
    }

    /// Finds out which devices can run the algorithm at all: at least one of its kinds of exchange.
    fn survey(&mut self) {
        let horizon = Horizon { rounds: self.rules.rounds, cohort: self.rules.cohort };
        let at = (&self.wiring, &self.clock);
        let peaks = Peaks::of(self.server.view(), self.devices, at, horizon);
        let fits =
            |(index, device): (usize, &Device)| peaks.at(index).least <= device.memory_budget();
        self.capable = self.devices.iter().enumerate().map(fits).collect();
        self.standing.excluded = self.capable.iter().map(|&capable| u32::from(!capable)).sum();
    }

    fn handle(&mut self, event: FederationEvent) -> Result<(), FederationError> {
        match event {
            FederationEvent::SessionEnds { device } => {
                let change = self.presence.turn(device, &mut self.calendar)?;
                self.changed(device, change)
            }
            FederationEvent::BatteryTurns { device } => self.battery_turns(device),
            FederationEvent::Transferred { place } => self.transferred(place),
            FederationEvent::FlowTurns => self.flows_turn(),
            FederationEvent::Computed { place } => self.computed(place),
            FederationEvent::TimedOut { place } => self.time_out(place),
            FederationEvent::Arrived { place } => match self.asynchronous {
                Some(_) => self.received(place),
                None => self.arrived(place),
            },
            FederationEvent::Deadline => self.deadline(),
            FederationEvent::Patience => self.lose_patience(),
            FederationEvent::OpenRound => match self.asynchronous {
                Some(_) => self.ask(),
                None => self.open_round(),
            },
            FederationEvent::CloseExchange => match self.asynchronous {
                Some(_) => self.step(),
                None => self.close_exchange(),
            },
            FederationEvent::ServerDone => self.join(),
            FederationEvent::Stop => self.stop(),
        }
    }

    /// The limit of simulated time: breaks an open round off.
    fn stop(&mut self) -> Result<(), FederationError> {
        self.end = Some(End::SimulatedTime);
        self.break_off()
    }

    /// Shows the model to the observer.
    pub(super) fn evaluate(&mut self) -> Result<ControlFlow<()>, FederationError> {
        self.evaluated = Some(self.standing.rounds);
        self.observer
            .evaluate(&self.standing, self.server.view())
            .map_err(FederationError::Observer)
    }

    pub(super) fn now(&self) -> SimTime {
        self.calendar.now()
    }

    /// What it would cost a client to be asked, as the algorithm says it.
    pub(super) fn workload(&self, exchange: Exchange, client: u32) -> Workload {
        let alone = Alone { device: self.device(client), wiring: &self.wiring };
        self.server.view().workload(exchange, client, &Undisturbed { alone, clock: &self.clock })
    }

    /// What a client is to do, as the algorithm says it.
    pub(super) fn assignment(&self, exchange: Exchange, client: u32) -> Assignment {
        let alone = Alone { device: self.device(client), wiring: &self.wiring };
        self.server.view().assign(exchange, client, &Undisturbed { alone, clock: &self.clock })
    }

    pub(super) fn device(&self, client: u32) -> &'a Device {
        &self.devices[client as usize]
    }

    pub(super) fn schedule(
        &mut self,
        at: SimTime,
        event: FederationEvent,
    ) -> Result<crate::kernel::Handle, FederationError> {
        Ok(self.calendar.schedule(at, event.class(), event)?)
    }
}

impl fmt::Debug for Federation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Federation")
            .field("rules", &self.rules)
            .field("standing", &self.standing)
            .field("round", &self.round)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
