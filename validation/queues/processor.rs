//! Q5: a shared link.

use fleetune_devices::streams::SeedTree;
use fleetune_units::{BytesPerSecond, Seconds};

use super::{
    CROWD, REPLICATIONS, SERVICE, WARM_UP, forms, length,
    meter::Window,
    poisson,
    sharing::{Shared, Sharing},
};
use crate::{
    Experiment, Finding, Law, Measurement, ValidationError,
    experiment::{column, replicate},
};

pub(super) const SHARING: Experiment = Experiment {
    id: "Q5",
    title: "A shared link, M/G/1 processor sharing",
    statement: "Transfers that share a link equally take as much longer than alone as the link is \
                loaded, whatever their size and whatever the law of sizes.",
    closed_form: "E[T | size x] = x/(C (1 - ρ)); L = ρ/(1 - ρ); P(N = k) = (1 - ρ) ρᵏ, insensitive \
                  to the law of sizes",
    measure: sharing,
};

/// Sizes of mean 1 MB at 1 MB/s.
const CAPACITY: BytesPerSecond = BytesPerSecond::from_raw(1e6);

pub(super) fn link(rho: f64, alone: Law, window: Window) -> Sharing {
    Sharing {
        gaps: poisson(rho),
        alone,
        capacity: CAPACITY,
        crowd: CROWD,
        jobs: u64::MAX,
        window,
        bounds: Vec::new(),
    }
}

fn sharing(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let rho = 0.5;
    let laws = [
        ("exponential", Law::Exponential { mean: SERVICE }, 2.0),
        ("log-normal", Law::LogNormal { mean: SERVICE, variation: 1.5 }, 4.0),
        ("constant", Law::Constant(SERVICE), 2.0),
    ];
    let mut findings = Vec::new();
    for (name, alone, times) in laws {
        let bounds = match alone {
            Law::Constant(_) => Vec::new(),
            _ => [0.5, 1.5].map(Seconds::from_raw).to_vec(),
        };
        let window = Window::new(WARM_UP, length(rho, times))?;
        let link = Sharing { bounds, ..link(rho, alone, window) };
        let runs = replicate(seeds, REPLICATIONS, |seeds| link.run(seeds))?;
        let mut mean = |what: &str, unit: &str, theta: f64, of: &dyn Fn(&Shared) -> f64| {
            let what = format!("{what}, {name} sizes");
            findings.push(Finding::mean(what, unit, theta, &column(&runs, of)));
        };
        mean("transfers on the link L", "", forms::number(rho), &|s| s.meter.number());
        mean("share of time idle", "", 1.0 - rho, &|s| s.meter.share(0));
        mean("share of time with one", "", forms::geometric(rho, 1), &|s| s.meter.share(1));
        mean("time of a transfer W", "s", 1.0 / (1.0 - rho), &|s| s.meter.sojourn());
        let classes: &[&str] = match alone {
            Law::Constant(_) => &["all"],
            _ => &["small", "medium", "large"],
        };
        for (class, size) in classes.iter().enumerate() {
            let what = format!("slowdown of {size} transfers");
            mean(&what, "", 1.0 / (1.0 - rho), &|s| s.classes[class].0 / s.classes[class].1);
        }
    }
    Ok(findings.into())
}
