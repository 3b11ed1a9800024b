use std::num::NonZeroU32;

use fleetune_algorithms::{
    probe::{Landscape, Measured, Moments, Parabola, Subject, alternatives},
    protocol::{Exchange, Moment, Progress},
    registry::AlgorithmConfig,
    settings::Schedule,
    uplink::Algorithm,
    zeroth_order::Plan,
};
use rayon::prelude::*;

use super::forecast::{
    Configuration, Costs, ProfileSeconds, Rates, RunForecast, StepForecast, TwoRates,
};
use crate::{
    plan::{AlgorithmPlan, Spread, plan_one},
    prepare::{Prepared, World},
};

/// Before the first round.
const START: Moment = Exchange::at(0, 0).moment();

/// A landscape seen from a scenario: what configurations cost there and how long they run.
pub(super) struct Outlook<'a> {
    prepared: &'a Prepared,
    worlds: &'a [World],
    landscape: &'a Landscape,
}

/// How long a configuration trains, and with which factors on its rates.
struct Course {
    rounds: u64,
    factors: Vec<f64>,
}

impl<'a> Outlook<'a> {
    pub(super) fn new(
        prepared: &'a Prepared,
        worlds: &'a [World],
        landscape: &'a Landscape,
    ) -> Self {
        Self { prepared, worlds, landscape }
    }

    fn layers(&self) -> usize {
        self.prepared.scenario.checkpoint().config.layers()
    }

    /// The scenario's own configuration of an algorithm. Nothing if it is not covered, or the loss has no minimum along
    /// its steps: curvature is not positive.
    pub(super) fn configured(
        &self,
        label: &str,
        config: &AlgorithmConfig,
    ) -> Option<Configuration> {
        let plan = plan_one(self.prepared, self.worlds, label, &plain(config)).ok()??;
        let subject = Subject::of(config, self.layers()).ok()?;
        let course = self.course(&subject, subject.learning_rate.schedule, self.rounds(&plan));
        self.configuration(&subject, &plan, &course)
    }

    /// The change of the loss that a run at one rate for all is expected to make.
    pub(super) fn at_common_rate(&self, config: &AlgorithmConfig, rounds: u64, rate: f64) -> f64 {
        let Ok(subject) = Subject::of(config, self.layers()) else { return f64::NAN };
        let course = self.course(&subject, subject.learning_rate.schedule, rounds);
        let rates = vec![rate; self.landscape.len()];
        self.parabola(&subject, &self.landscape.moments).run(&rates, &course.factors).total()
    }

    /// Other perturbations of the same algorithm: powers of two up to 32 of them, any split, both variants, with as many
    /// rounds as the device FLOPs of the configured one pay for, over which the schedule is stretched.
    pub(super) fn alternatives(
        &self,
        label: &str,
        config: &AlgorithmConfig,
        configured: &Configuration,
    ) -> Vec<Configuration> {
        let budget = configured.costs.flops * configured.run.rounds as f64;
        let others: Vec<AlgorithmConfig> = self.other_configs(config).collect();
        others
            .par_iter()
            .filter_map(|other| {
                let plan = plan_one(self.prepared, self.worlds, label, &plain(other)).ok()??;
                let subject = Subject::of(other, self.layers()).ok()?;
                let each = self.cohort() * middle(plan.flops, |f| f.get() as f64);
                let rounds = ((budget / each) as u64).max(1);
                let schedule = stretched(subject.learning_rate.schedule, rounds);
                self.configuration(&subject, &plan, &self.course(&subject, schedule, rounds))
            })
            .collect()
    }

    fn other_configs(&self, config: &AlgorithmConfig) -> impl Iterator<Item = AlgorithmConfig> {
        let counts = [1, 2, 4, 8, 16, 32].map(|n| NonZeroU32::new(n).expect("not zero"));
        alternatives(config, self.layers(), &counts).into_iter().skip(1)
    }

    fn cohort(&self) -> f64 {
        f64::from(self.prepared.scenario.federation.cohort)
    }

    /// Rounds until the scenario stops, if all who are asked do their whole work.
    fn rounds(&self, plan: &AlgorithmPlan) -> u64 {
        let federation = &self.prepared.scenario.federation;
        let asked = (self.cohort() * federation.over_commitment).ceil();
        let each = asked * middle(plan.flops, |f| f.get() as f64);
        let most = federation.stop.rounds;
        let paid = federation.stop.device_flops.map(|budget| (budget.get() as f64 / each) as u64);
        paid.unwrap_or(most).clamp(1, most)
    }

    fn course(&self, subject: &Subject, schedule: Schedule, rounds: u64) -> Course {
        let steps = subject.local_steps as usize;
        let moment = |round| {
            let progress = Progress::of(round as f64 / rounds as f64);
            Moment { round, progress }
        };
        let factor = |round| schedule.factor(moment(round));
        let factors = (0..rounds).flat_map(|r| std::iter::repeat_n(factor(r), steps));
        Course { rounds, factors: factors.collect() }
    }

    fn configuration(
        &self,
        subject: &Subject,
        plan: &AlgorithmPlan,
        course: &Course,
    ) -> Option<Configuration> {
        let Plan { split, lower, upper, variant, .. } = subject.plan;
        let (step, run) = (self.step(subject)?, self.run(subject, course)?);
        let mut configuration = Configuration {
            split,
            lower,
            upper,
            variant: variant.to_string(),
            costs: self.costs(plan),
            step,
            run,
        };
        let Configuration { costs, step, .. } = &mut configuration;
        let steps = f64::from(subject.local_steps);
        let of_round = |cost: f64| Measured {
            value: -step.by_block.change.value * steps / cost,
            error: step.by_block.change.error * steps / cost,
        };
        for profile in &mut costs.seconds {
            profile.decrease_per_second = of_round(profile.seconds);
        }
        (step.decrease_per_flop, step.decrease_per_byte) =
            (of_round(costs.flops), of_round(costs.bytes));
        Some(configuration)
    }

    fn costs(&self, plan: &AlgorithmPlan) -> Costs {
        let bytes = |spread| middle(spread, |b: fleetune_units::Bytes| b.get() as f64);
        let seconds = |profile: &crate::plan::ProfilePlan| ProfileSeconds {
            profile: profile.profile.clone(),
            fits: profile.fits,
            seconds: middle(profile.compute, |s| s.get()) + middle(profile.transfer, |s| s.get()),
            decrease_per_second: Measured::default(),
        };
        Costs {
            flops: self.cohort() * middle(plan.flops, |f| f.get() as f64),
            bytes: self.cohort() * (bytes(plan.download) + bytes(plan.upload)),
            seconds: plan.profiles.iter().map(seconds).collect(),
        }
    }

    fn parabola(&self, subject: &Subject, moments: &Moments) -> Parabola {
        let step = subject.step(self.prepared.scenario.federation.cohort);
        step.parabola(&self.landscape.blocks, moments)
    }

    /// The scenario's own peak rates.
    fn asked_rates(&self, subject: &Subject) -> Vec<f64> {
        let blocks = self.landscape.blocks.iter();
        blocks.map(|block| subject.learning_rate.of(block.stage, START)).collect()
    }

    fn rates(&self, find: impl Fn(&Moments) -> Option<(Vec<f64>, f64)>) -> Option<Rates> {
        let mut rates = self.landscape.derive_all(|moments| {
            let (mut rates, change) = find(moments)?;
            rates.push(change);
            Some(rates)
        })?;
        let change = rates.pop()?;
        Some(Rates { rates, change })
    }

    fn step(&self, subject: &Subject) -> Option<StepForecast> {
        let blocks = self.landscape.len();
        let best = |groups: Vec<usize>| {
            self.rates(move |moments| {
                let parabola = self.parabola(subject, moments).grouped(&groups);
                let rates = parabola.best()?;
                let change = parabola.change(&rates);
                Some((groups.iter().map(|&g| rates[g]).collect(), change))
            })
        };
        let asked = self.asked_rates(subject);
        Some(StepForecast {
            common: best(vec![0; blocks])?,
            by_block: best((0..blocks).collect())?,
            configured: self.landscape.derive(|m| self.parabola(subject, m).change(&asked)),
            decrease_per_flop: Measured::default(),
            decrease_per_byte: Measured::default(),
        })
    }

    fn run(&self, subject: &Subject, course: &Course) -> Option<RunForecast> {
        let blocks = self.landscape.len();
        let best = |groups: &[usize]| {
            self.rates(|moments| best_for_run(&self.parabola(subject, moments), groups, course))
        };
        let asked = self.asked_rates(subject);
        let end = |m: &Moments| self.parabola(subject, m).run(&asked, &course.factors).total();
        Some(RunForecast {
            rounds: course.rounds,
            common: best(&vec![0; blocks])?,
            by_block: best(&(0..blocks).collect::<Vec<_>>())?,
            two: self.two_rates(subject, course)?,
            configured: self.landscape.derive(end),
        })
    }

    /// The best pair of rates over all layers from which the second may hold.
    fn two_rates(&self, subject: &Subject, course: &Course) -> Option<TwoRates> {
        let blocks = &self.landscape.blocks;
        let groups = |from_layer: usize| -> Vec<usize> {
            blocks.iter().map(|b| usize::from(b.stage >= from_layer)).collect()
        };
        let parabola = self.parabola(subject, &self.landscape.moments);
        let change = |from: usize| best_for_run(&parabola, &groups(from), course).map(|b| b.1);
        let pairs = (1..=self.layers() + 1).filter(|&from| groups(from).contains(&0));
        let best = pairs.filter_map(|from| Some((change(from)?, from)));
        // Where only the head trains there is one rate.
        let from_layer = best.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1, |(_, from)| from);
        let of =
            |m: &Moments| best_for_run(&self.parabola(subject, m), &groups(from_layer), course);
        let Rates { rates, change } = self.rates(of)?;
        Some(TwoRates { from_layer, base: *rates.first()?, upper: *rates.last()?, change })
    }
}

/// The rates of every block, one for each group, and the change of the loss, at which a run is expected to end the
/// lowest: the best rates of a step, scaled.
fn best_for_run(parabola: &Parabola, groups: &[usize], course: &Course) -> Option<(Vec<f64>, f64)> {
    // A single group is numbered 0, whichever it is.
    let first = *groups.iter().min()?;
    let groups: Vec<usize> = groups.iter().map(|g| g - first).collect();
    let best = parabola.grouped(&groups).best()?;
    let each: Vec<f64> = groups.iter().map(|&g| best[g]).collect();
    let scale = parabola.best_scale(&each, &course.factors);
    let rates: Vec<f64> = each.iter().map(|rate| rate * scale).collect();
    let change = parabola.run(&rates, &course.factors).total();
    Some((rates, change))
}

/// An algorithm that sends its updates as they are.
pub(super) fn plain(kind: &AlgorithmConfig) -> Algorithm {
    Algorithm { kind: kind.clone(), encoding: None, privacy: None }
}

/// The same schedule over another number of rounds.
pub(super) fn stretched(schedule: Schedule, rounds: u64) -> Schedule {
    match schedule {
        Schedule::Constant => Schedule::Constant,
        // What falls over the whole run does so over a longer one, too.
        Schedule::Linear { rounds: None, .. } => schedule,
        Schedule::Linear { rounds: Some(_), final_fraction } => {
            Schedule::Linear { rounds: Some(rounds), final_fraction }
        }
    }
}

/// The middle of what may be.
fn middle<T: Copy>(spread: Spread<T>, number: impl Fn(T) -> f64) -> f64 {
    (number(spread.least) + number(spread.most)) / 2.0
}
