//! A1: how many devices are there.

use fleetune_devices::{
    Availability, Sessions, Sigma,
    availability::{LognormalSessions, Shape, WeibullSessions},
    streams::SeedTree,
};
use fleetune_units::Seconds;

use super::{exponential, forms, presence::Watch};
use crate::{
    Dot, Experiment, Figure, Finding, Measurement, ValidationError, curve,
    experiment::{column, replicate},
};

pub(super) const ON_OFF: Experiment = Experiment {
    id: "A1",
    title: "Alternating times on and off",
    statement: "The long-run availability depends on the means alone, whatever the laws; a fleet \
                drawn in its stationary regime has it from the first instant on. With exponential \
                times, devices that are all there at first are lost along a known curve.",
    closed_form: "U/(U + D); A(t) = U/(U + D) + D/(U + D) e^{-t (1/U + 1/D)}",
    measure: on_off,
};

const UP: f64 = 3.0; // [s]
const DOWN: f64 = 5.0; // [s]

fn laws() -> Result<[(&'static str, Availability); 4], ValidationError> {
    let [mean_on, mean_off] = [UP, DOWN].map(Seconds::from_raw);
    let sigma = Sigma::new(0.8).map_err(ValidationError::refused)?;
    let weibull = |shape| {
        let shape = Shape::new(shape).map_err(ValidationError::refused)?;
        Ok::<_, ValidationError>(Availability::Weibull(WeibullSessions {
            mean_on,
            mean_off,
            shape,
        }))
    };
    let lognormal = LognormalSessions { mean_on, mean_off, sigma };
    Ok([
        ("exponential", exponential(UP, DOWN)),
        ("log-normal, σ = 0.8", Availability::Lognormal(lognormal)),
        ("Weibull, k = 0.6", weibull(0.6)?),
        ("Weibull, k = 2", weibull(2.0)?),
    ])
}

fn on_off(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let long_run = forms::availability(UP, DOWN);
    let mut findings = Vec::new();
    for (index, (name, law)) in (0..).zip(laws()?) {
        let seeds = seeds.subtree("law", index);
        // From a fresh start, once it is forgotten.
        let watch = Watch { at: Vec::new(), window: (300.0, 2_300.0) };
        let runs = replicate(&seeds.subtree("long run", 0), 40, |seeds| {
            watch.run((0..40).map(|key| Sessions::starting_online(law, seeds, key)).collect())
        })?;
        let average = column(&runs, |seen| seen.average);
        findings.push(Finding::mean(
            format!("long-run availability, {name}"),
            "",
            long_run,
            &average,
        ));
        // From a stationary start, at once.
        let watch = Watch { at: vec![0.0, 1.0, 4.0], window: (0.0, 4.0) };
        let runs = replicate(&seeds.subtree("stationary", 0), 40, |seeds| {
            watch.run((0..6_000).map(|key| Sessions::stationary(law, seeds, key)).collect())
        })?;
        for (place, t) in watch.at.iter().enumerate() {
            let shares = column(&runs, |seen| seen.at[place]);
            let what = format!("stationary fleet at {t} s, {name}");
            findings.push(Finding::mean(what, "", long_run, &shares));
        }
    }
    let (transient, figure) = lost(seeds)?;
    findings.extend(transient);
    Ok(Measurement { findings, figures: vec![figure] })
}

/// All there at first.
fn lost(seeds: &SeedTree) -> Result<(Vec<Finding>, Figure), ValidationError> {
    let law = exponential(UP, DOWN);
    let at = vec![0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0];
    let watch = Watch { at, window: (0.0, 8.0) };
    let runs = replicate(&seeds.subtree("transient", 0), 40, |seeds| {
        watch.run((0..3_000).map(|key| Sessions::starting_online(law, seeds, key)).collect())
    })?;
    let form = |t: f64| forms::transient(UP, DOWN, t);
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (place, &t) in watch.at.iter().enumerate() {
        let shares = column(&runs, |seen| seen.at[place]);
        let finding = Finding::mean(format!("A({t} s), all there at 0"), "", form(t), &shares);
        dots.push(Dot::of(t, &finding));
        findings.push(finding);
    }
    let figure = Figure::new(
        "availability",
        "Devices still or again there after all were, times on and off of 3 s and 5 s",
        ("time t, s", "share of devices there"),
        "The line is A(t); it falls to U/(U + D) = 0.375. Intervals are hardly wider than the dots.",
    );
    Ok((findings, figure.with("A(t)", curve((0.0, 8.5), 170, form), dots)))
}
