//! The run: one loop over the calendar.

use std::{fmt, ops::ControlFlow};

use fleetune_algorithms::{
    mixing::Mixer,
    protocol::{Assignment, Estimate, Exchange, Horizon, Server},
};
use fleetune_devices::{
    Device, Fleet, Workload,
    network::{Alone, Wiring},
    streams::SeedTree,
};
use fleetune_units::{Flops, FlopsPerSecond, Seconds};

use super::{
    adaptive::Stopping,
    asynchronous::Asynchronous,
    clock::{Clock, Undisturbed},
    conditions::Conditions,
    config::{ConfigError, FederationConfig, Policy},
    error::FederationError,
    event::FederationEvent,
    group::{Group, Membership},
    hierarchy::Hierarchy,
    links::Links,
    mode::Mode,
    outages::Outages,
    outcome::{End, Observer, RunOutcome, Standing},
    peaks::Peaks,
    presence::{Presence, Sessions, Source},
    processors::Processors,
    selection::{self, Policy as Selection},
    side::Side,
    supplies::Supplies,
    tails::Tails,
    tiers::Tiers,
};
use crate::{
    checkpoint::Recorder,
    kernel::{Calendar, Counts, SimDuration, SimTime},
};

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
    pub(super) outages: Outages,
    pub(super) clock: Clock,
    pub(super) processors: Processors,
    pub(super) supplies: Supplies,
    pub(super) tails: Tails,
    pub(super) selection: Box<dyn Selection>,
    /// By device: whether its memory holds the algorithm's first assignment.
    pub(super) capable: Vec<bool>,
    pub(super) standing: Standing,
    pub(super) groups: Vec<Group>,
    pub(super) members: Membership,
    pub(super) mode: Mode,
    /// What there is besides if rounds have deadlines of their own.
    pub(super) stopping: Option<Stopping>,
    pub(super) end: Option<End>,
    /// Who keeps what is learnt, if anybody does.
    pub(super) recorder: Option<Recorder>,
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
        let (server, mode) = match config.policy {
            Policy::Synchronous => (Side::Cohorts(server), Mode::Rounds),
            Policy::Asynchronous { concurrency, rule } => {
                let mixer = Mixer::new(server, rule).ok_or(ConfigError::NeedsCohorts)?;
                (Side::Mixed(mixer), Mode::Asynchronous(Asynchronous::new(concurrency)))
            }
            Policy::Tiers { count, weights } => {
                (Side::Cohorts(server), Mode::Tiers(Tiers::new(count as usize, weights)))
            }
            Policy::Hierarchical { edge_rounds } => {
                let edges = wiring.edges().len();
                (Side::Cohorts(server), Mode::Hierarchy(Hierarchy::new(edges, edge_rounds)))
            }
        };
        let groups = config.groups();
        Ok(Self {
            rules,
            seeds,
            devices,
            server,
            observer,
            calendar: Calendar::new(),
            presence: Presence::new(devices.len(), source),
            links: Links::new(&wiring),
            outages: Outages::default(),
            wiring,
            clock: Clock::default(),
            processors: Processors::new(seeds),
            supplies: Supplies::new(devices, &Conditions::default(), &seeds),
            tails: Tails::default(),
            selection: selection::policy(&config.selection),
            capable: Vec::new(),
            standing: Standing::default(),
            groups: std::iter::repeat_with(Group::default).take(groups).collect(),
            members: Membership::All,
            mode,
            stopping: None,
            end: None,
            recorder: None,
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
        self.outages = Outages::new(&conditions.outages);
        self.supplies = Supplies::new(self.devices, conditions, &self.seeds);
        self
    }

    /// With a server for the rounds of each group ([`FederationConfig::groups`]), opened as that of the global model was.
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<&'a mut dyn Server>) -> Self {
        self.server = self.server.with_parts(parts);
        self
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// [`FederationError`]; all of them are final.
    pub fn run(mut self) -> Result<RunOutcome, FederationError> {
        self.go()
    }

    /// As [`Federation::run`]; tells the books of the calendar as well.
    ///
    /// # Errors
    /// As [`Federation::run`].
    pub fn run_audited(mut self) -> Result<(RunOutcome, Counts), FederationError> {
        let outcome = self.go()?;
        Ok((outcome, self.calendar.counts()))
    }

    fn go(&mut self) -> Result<RunOutcome, FederationError> {
        self.check_parts()?;
        self.survey();
        self.form_groups();
        if self.evaluate()?.is_break() {
            self.end = Some(End::Asked);
        } else if self.standing.excluded as usize == self.devices.len() {
            self.end = Some(End::ExcludedByMemory);
        } else {
            self.presence.start(&mut self.calendar)?;
            self.start_batteries()?;
            self.schedule_outages()?;
            self.count_ready();
            self.tell_who_is_there();
            if let Some(limit) = self.rules.time_limit {
                self.schedule(limit, FederationEvent::Stop)?;
            }
            self.begin_groups()?;
            self.links.arm(&mut self.calendar)?;
        }
        while self.end.is_none() {
            let Some(fired) = self.calendar.advance() else {
                self.run_dry()?;
                break;
            };
            self.standing.time = fired.time;
            self.handle(fired.event)?;
            self.links.arm(&mut self.calendar)?;
            if self.end.is_none() && self.is_settled() && self.waits_in_vain()? {
                self.end = Some(End::NobodyComes);
                self.break_off()?;
            }
            if self.end.is_none() {
                self.look_after()?;
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
        let open = self.open_rounds().next().is_some() || self.links.is_busy();
        self.end = Some(if open { End::Stalled } else { End::NobodyComes });
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
        self.introduce(horizon);
        self.standing.excluded = self.capable.iter().map(|&capable| u32::from(!capable)).sum();
    }

    /// The devices that can run the algorithm say how long they think that its longest exchange takes them; which is worked
    /// out for policies of selection alone that want to know.
    fn introduce(&mut self, horizon: Horizon) {
        let able = (0..).zip(self.devices).zip(&self.capable).filter(|(_, capable)| **capable);
        for ((client, device), _) in able {
            let alone = Alone { device, wiring: &self.wiring };
            let undisturbed = Undisturbed { alone, clock: &self.clock };
            let longest = || {
                let forecast = self.server.view().forecast(client, &undisturbed, horizon);
                let fits = forecast.iter().filter(|work| device.can_run(work));
                fits.map(|work| undisturbed.duration(work)).fold(Seconds::ZERO, Seconds::max)
            };
            self.selection.introduce(client, &longest);
        }
    }

    fn handle(&mut self, event: FederationEvent) -> Result<(), FederationError> {
        match event {
            FederationEvent::SessionEnds { device } => {
                let change = self.presence.turn(device, &mut self.calendar)?;
                self.changed(device, change)
            }
            FederationEvent::BatteryTurns { device } => self.battery_turns(device),
            FederationEvent::Transferred { place } => self.transferred(place),
            FederationEvent::LinkTurns { outage, up } => self.link_turns(outage, up),
            FederationEvent::FlowTurns => self.flows_turn(),
            FederationEvent::Computed { place } => self.computed(place),
            FederationEvent::TimedOut { place } => self.time_out(place),
            FederationEvent::OutOfTime { place } => self.out_of_time(place),
            FederationEvent::Arrived { place } => match self.mode {
                Mode::Asynchronous(_) => self.received(place),
                _ => self.arrived(place),
            },
            FederationEvent::Deadline { group } => self.deadline(group as usize),
            FederationEvent::Patience { group } => self.lose_patience(group as usize),
            FederationEvent::OpenRound { group } => match self.mode {
                Mode::Asynchronous(_) => self.ask(),
                _ => self.open_round(group as usize),
            },
            FederationEvent::CloseExchange { group } => match self.mode {
                Mode::Asynchronous(_) => self.step(),
                _ => self.close_exchange(group as usize),
            },
            FederationEvent::ServerDone { group } => self.join(group as usize),
            FederationEvent::CloudJoins => self.join_edges(),
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

    /// What it would cost a client to be asked by its group's server, as the algorithm says it.
    pub(super) fn workload(&self, group: usize, exchange: Exchange, client: u32) -> Workload {
        let alone = Alone { device: self.device(client), wiring: &self.wiring };
        self.server.of(group).workload(exchange, client, &Undisturbed { alone, clock: &self.clock })
    }

    /// What a client is to do, as the algorithm says it.
    pub(super) fn assignment(&self, group: usize, exchange: Exchange, client: u32) -> Assignment {
        let alone = Alone { device: self.device(client), wiring: &self.wiring };
        self.server.of(group).assign(exchange, client, &Undisturbed { alone, clock: &self.clock })
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
            .field("groups", &self.groups)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
