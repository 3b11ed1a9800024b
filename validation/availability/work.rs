//! A2 to A5: work that is interrupted.

use fleetune_devices::{Sessions, streams::SeedTree};
use fleetune_units::Seconds;

use super::{
    exponential, forms,
    jobs::{After, Course, Job},
};
use crate::{
    Dot, Experiment, Figure, Finding, Measurement, ValidationError, curve, experiment::replicate,
};

pub(super) const UNINTERRUPTED: Experiment = Experiment {
    id: "A2",
    title: "Work that must not be interrupted",
    statement: "Failures come at rate λ while a device is there, whatever happened before: also \
                on a device that has been there for a while.",
    closed_form: "P = e^{-λ w}",
    measure: uninterrupted,
};

pub(super) const RESTART: Experiment = Experiment {
    id: "A3",
    title: "Work that starts from scratch",
    statement: "After each failure and repair, of mean D, work w starts again: its time grows \
                exponentially with w.",
    closed_form: "E[T] = (e^{λw} - 1)(1/λ + D); λ = 0.3, w = 4, D = 2: 12.374",
    measure: restart,
};

pub(super) const RESUME: Experiment = Experiment {
    id: "A4",
    title: "Work that goes on where it stopped",
    statement: "After each failure and repair, work w goes on: its time grows linearly with w.",
    closed_form: "E[T] = w (1 + λ D); λ = 0.3, w = 4, D = 2: 6.4",
    measure: resume,
};

pub(super) const CHECKPOINTS: Experiment = Experiment {
    id: "A5",
    title: "Checkpoints",
    statement: "Work that is saved every τ at a cost of c: too often costs time, too seldom costs \
                work. The best of a sweep is Young's interval.",
    closed_form: "time per work (e^{λ(τ+c)} - 1)(1/λ + D)/τ, least near τ = √(2c/λ)",
    measure: checkpoints,
};

const RATE: f64 = 0.3; // failures [1/s]
const REPAIR: f64 = 2.0; // mean [s]

/// A job on each of `devices` devices, in each of 40 replications: the means of `of`.
fn means(
    seeds: &SeedTree,
    devices: u64,
    job: Job,
    sessions: impl Fn(&SeedTree, u64) -> Sessions + Sync,
    of: impl Fn(Course) -> f64 + Sync,
) -> Result<Vec<f64>, ValidationError> {
    replicate(seeds, 40, |seeds| {
        let each = (0..devices).map(|key| Ok(of(job.run(sessions(seeds, key))?)));
        Ok(each.sum::<Result<f64, ValidationError>>()? / devices as f64)
    })
}

fn fresh(seeds: &SeedTree, key: u64) -> Sessions {
    Sessions::starting_online(exponential(1.0 / RATE, REPAIR), seeds, key)
}

fn uninterrupted(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    for (place, work) in (0..).zip([1.0, 2.0, 4.0]) {
        let job = Job { stretch: Seconds::from_raw(work), stretches: 1, after: After::Kept };
        let at_once = |course: Course| f64::from(u8::from(course.interruptions == 0));
        let theta = libm::exp(-RATE * work);
        let shares = means(&seeds.subtree("fresh", place), 4_000, job, fresh, at_once)?;
        findings.push(Finding::mean(
            format!("work of {work} s, come just now"),
            "",
            theta,
            &shares,
        ));
        // Met at a random moment, those that are there.
        let met = |seeds: &SeedTree, key: u64| {
            let law = exponential(1.0 / RATE, REPAIR);
            let of = |turn| Sessions::stationary(law, &seeds.subtree("turn", turn), key);
            let there = |sessions: &Sessions| sessions.clone().next().is_some_and(|s| s.online);
            (0..).map(of).find(there).unwrap_or_else(|| of(0))
        };
        let shares = means(&seeds.subtree("met", place), 4_000, job, met, at_once)?;
        findings.push(Finding::mean(format!("work of {work} s, met there"), "", theta, &shares));
    }
    Ok(findings.into())
}

/// Mean times of jobs of several lengths, and the trace of a figure.
fn times(
    seeds: &SeedTree,
    after: After,
    form: fn(f64, f64, f64) -> f64,
) -> Result<(Vec<Finding>, Vec<Dot>), ValidationError> {
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (place, work) in (0..).zip([1.0, 2.0, 4.0, 6.0, 8.0]) {
        let job = Job { stretch: Seconds::from_raw(work), stretches: 1, after };
        let times = means(&seeds.subtree("work", place), 3_000, job, fresh, |course| course.end)?;
        let theta = form(RATE, REPAIR, work);
        let finding = Finding::mean(format!("time of work w = {work} s"), "s", theta, &times);
        dots.push(Dot::of(work, &finding));
        findings.push(finding);
    }
    Ok((findings, dots))
}

fn restart(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let (findings, dots) = times(seeds, After::Lost, forms::restart)?;
    // The other one for comparison, as its closed form alone: its dots are A4's.
    let line = |form: fn(f64, f64, f64) -> f64| curve((0.0, 8.4), 168, |w| form(RATE, REPAIR, w));
    let figure = Figure::new(
        "restart-resume",
        "Work on a device that fails at rate 0.3/s and is repaired in 2 s",
        ("work w, s", "mean time to finish, s"),
        "Starting from scratch costs (exp(λw) - 1)(1/λ + D), going on where it stopped w (1 + λD).",
    );
    let (_, kept) = times(&seeds.subtree("resumed", 0), After::Kept, forms::resume)?;
    let figure = figure.with("from scratch", line(forms::restart), dots);
    let figures = vec![figure.with("where it stopped", line(forms::resume), kept)];
    Ok(Measurement { findings, figures })
}

fn resume(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    Ok(times(seeds, After::Kept, forms::resume)?.0.into())
}

fn checkpoints(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let (rate, repair, cost, work) = (0.01, 20.0, 0.5, 320.0); // [1/s], [s], [s], [s]
    let young = forms::young(rate, cost);
    let form = |tau: f64| forms::checkpointed(rate, repair, tau, cost);
    let sessions = |seeds: &SeedTree, key: u64| {
        Sessions::starting_online(exponential(1.0 / rate, repair), seeds, key)
    };
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (place, factor) in (0..).zip([0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]) {
        let tau = factor * young;
        let stretch = Seconds::from_raw(tau + cost);
        let job = Job { stretch, stretches: (work / tau).round() as u32, after: After::Lost };
        let seeds = seeds.subtree("interval", place);
        let times = means(&seeds, 400, job, sessions, |course| course.end / work)?;
        let what = format!("time per work, saved every {tau} s");
        let finding = Finding::mean(what, "", form(tau), &times);
        dots.push(Dot::of(tau, &finding));
        findings.push(finding);
    }
    let least = dots.iter().min_by(|a, b| a.y.total_cmp(&b.y)).map_or(f64::NAN, |dot| dot.x);
    let what = "the best interval of these, √(2c/λ) of λ = 0.01/s, c = 0.5 s";
    findings.push(Finding::within(what, "s", young, least, 1e-9));
    let figure = Figure::new(
        "checkpoints",
        "Work that is saved every τ, at λ = 0.01/s, D = 20 s and c = 0.5 s",
        ("interval between checkpoints τ, s (logarithmic)", "time per unit of work"),
        "The line is (exp(λ(τ+c)) - 1)(1/λ + D)/τ; the least of the dots is at Young's τ = √(2c/λ) = 10 s.",
    );
    let points = (0..=120).map(|i| 1.0 * libm::pow(100.0, f64::from(i) / 120.0));
    let line = points.map(|tau| (tau, form(tau))).collect();
    Ok(Measurement {
        findings,
        figures: vec![figure.logarithmic().with("time per work", line, dots)],
    })
}
