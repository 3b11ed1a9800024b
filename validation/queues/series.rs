//! Q9: queues in tandem (Jackson), and what leaves a queue (Burke).

use fleetune_devices::streams::SeedTree;
use fleetune_units::Seconds;

use super::{
    CROWD, REPLICATIONS, SERVICE, WARM_UP, forms, length,
    meter::Window,
    poisson,
    tandem::{LEVELS, Tandem},
};
use crate::{
    Experiment, Finding, Law, Measurement, ValidationError,
    experiment::{column, replicate},
    statistics::kolmogorov,
};

pub(super) const TANDEM: Experiment = Experiment {
    id: "Q9",
    title: "Two queues in tandem",
    statement: "What leaves a Markovian queue is Poisson again, so a queue behind it behaves as if \
                it were alone, and the two are independent at each instant.",
    closed_form: "P(i, j) = P1(i) P2(j); gaps between departures are exponential with mean 1/λ; \
                  W = 1/(μ1 - λ) + 1/(μ2 - λ)",
    measure: tandem,
};

/// Queues that are busy for these shares of the time.
pub(super) fn queues(busy: [f64; 2], customers: u64, window: Window) -> Tandem {
    let service = busy
        .map(|share| Law::Exponential { mean: Seconds::from_raw(SERVICE.get() * share / busy[0]) });
    Tandem { gaps: poisson(busy[0]), service, crowd: CROWD, customers, window }
}

fn tandem(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let busy = [0.5, 0.6];
    let model = queues(busy, u64::MAX, Window::new(WARM_UP, length(0.6, 2.5))?);
    let runs = replicate(seeds, REPLICATIONS, |seeds| model.run(seeds))?;
    let mut findings = Vec::new();
    for i in 0..LEVELS {
        for j in 0..LEVELS {
            let theta = forms::geometric(busy[0], i as i32) * forms::geometric(busy[1], j as i32);
            let share = column(&runs, |p| p.joint[i][j] as f64 * 1e-9 / p.whole.seconds());
            findings.push(Finding::mean(format!("P({i}, {j})"), "", theta, &share));
        }
    }
    for place in [0, 1] {
        let number = column(&runs, |p| p.queues[place].number());
        let what = format!("number at queue {}", place + 1);
        findings.push(Finding::mean(what, "", forms::number(busy[place]), &number));
    }
    // λ = ρ1/S1 and L = λ W.
    let lambda = busy[0] / SERVICE.get();
    let stay = (forms::number(busy[0]) + forms::number(busy[1])) / lambda;
    let sojourn = column(&runs, |p| p.whole.sojourn());
    findings.push(Finding::mean("time in both queues W", "s", stay, &sojourn));
    let gaps: Vec<f64> = runs
        .iter()
        .flat_map(|p| p.departures.windows(2).take(1_000))
        .filter_map(|pair| pair[1].since(pair[0]))
        .map(|gap| gap.as_seconds())
        .collect();
    let law = poisson(busy[0]);
    let cdf = |gap: f64| law.cdf(Seconds::from_raw(gap));
    findings.push(kolmogorov("gaps between departures", gaps, cdf));
    Ok(findings.into())
}
