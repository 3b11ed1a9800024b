//! Q7: a closed loop, as of clients and the server that aggregates their updates.

use fleetune_devices::streams::SeedTree;
use fleetune_units::Seconds;

use super::{REPLICATIONS, SERVICE, closed::Loop, forms, meter::Window};
use crate::{
    Experiment, Finding, Law, Measurement, ValidationError,
    experiment::{column, replicate},
};

pub(super) const CLOSED: Experiment = Experiment {
    id: "Q7",
    title: "A closed loop of clients",
    statement: "N clients think, ask one server, wait for the answer and think again: the server \
                saturates as N grows.",
    closed_form: "P0 = 1/Σ_{k=0}^{N} N!/(N - k)! rᵏ, r = S/Z; throughput X = (1 - P0)/S; \
                  N = L + X Z",
    measure: closed,
};

pub(super) fn exponential(clients: u64, ratio: f64, requests: u64, window: Window) -> Loop {
    Loop {
        clients,
        thinking: Law::Exponential { mean: Seconds::from_raw(SERVICE.get() / ratio) },
        service: Law::Exponential { mean: SERVICE },
        requests,
        window,
    }
}

fn closed(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    // Alone; at the knee; far beyond it.
    for (clients, ratio, seconds) in [(1, 0.4, 6_000.0), (5, 0.4, 4_000.0), (40, 0.05, 4_000.0)] {
        let window = Window::new(Seconds::from_raw(400.0), Seconds::from_raw(seconds))?;
        let model = exponential(clients, ratio, u64::MAX, window);
        let runs = replicate(seeds, REPLICATIONS, |seeds| model.run(seeds))?;
        let busy = 1.0 - forms::idle(clients, ratio);
        let name = format!("N = {clients}, S/Z = {ratio}");
        let utilisation = column(&runs, |m| 1.0 - m.share(0));
        findings.push(Finding::mean(format!("utilisation, {name}"), "", busy, &utilisation));
        let throughput = column(&runs, |m| m.served as f64 / m.seconds());
        findings.push(Finding::mean(format!("answers a second, {name}"), "1/s", busy, &throughput));
        let at_server = clients as f64 - busy / ratio;
        let number = column(&runs, |m| m.number());
        findings.push(Finding::mean(
            format!("clients at the server, {name}"),
            "",
            at_server,
            &number,
        ));
    }
    Ok(findings.into())
}
