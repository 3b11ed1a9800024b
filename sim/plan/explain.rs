//! Where a plan's figures come from: each a sum or a product of those below it, down to the model's dimensions.

use fleetune_algorithms::{
    account::{Account, Accounts, Done, Holding, Item},
    protocol::{Horizon, Payload},
    setup::Setup,
    uplink::Algorithm,
};
use fleetune_devices::{PhaseKind, Workload, network::Alone};
use fleetune_models::cost::{Alive, Tensors, Term};
use fleetune_units::Bytes;

use crate::{
    adapt::fit,
    cell::{federation_config, open_server},
    clocks::clock,
    federation::{NoChoice, Undisturbed},
    prepare::{Prepared, World},
};

/// A figure and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub what: String,
    /// The formula, with symbols, if it has any: `2·rows·d·q`.
    pub symbols: String,
    /// The same with numbers. Of a figure that has parts, what multiplies their sum.
    pub factors: Vec<u128>,
    /// What is summed; nothing for a plain product.
    pub parts: Vec<Figure>,
}

impl Figure {
    /// A product.
    fn leaf(what: impl Into<String>, symbols: impl Into<String>, factors: Vec<u128>) -> Self {
        Self { what: what.into(), symbols: symbols.into(), factors, parts: Vec::new() }
    }

    /// So many times the sum of `parts`.
    fn sum(what: impl Into<String>, times: u64, parts: Vec<Figure>) -> Self {
        let factors = vec![times.into()];
        Self { what: what.into(), symbols: String::new(), factors, parts }
    }

    /// Its value.
    pub fn value(&self) -> u128 {
        let product: u128 = self.factors.iter().product();
        match self.parts.is_empty() {
            true => product,
            false => product * self.parts.iter().map(Figure::value).sum::<u128>(),
        }
    }
}

/// An exchange, or the part of one that is accounted for by itself, explained.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What is explained.
    pub workload: Workload,
    /// Parameters on the device; FLOPs; peak memory; bytes down and up.
    pub figures: [Figure; 5],
    /// Parameters that train there.
    pub trainable: u64,
    /// Bytes that the model takes on the device, as it is stored.
    pub stored: u64,
}

/// Explains the kinds of exchange that an algorithm plans for the first client of a world.
///
/// # Errors
/// Rounds have deadlines, and none can be chosen.
pub fn explain(
    prepared: &Prepared,
    world: &World,
    config: &Algorithm,
) -> Result<Vec<Explained>, NoChoice> {
    let Some(device) = world.fleet.devices.first() else { return Ok(Vec::new()) };
    let (batches, _) = fit(prepared, world, config)?;
    let accounts = Accounts::default();
    let setup = Setup { batches, accounts: Some(accounts.clone()), ..prepared.setup(world) };
    let federation = federation_config(&prepared.scenario);
    let horizon = Horizon { rounds: federation.stop.rounds, cohort: federation.cohort };
    let server = open_server(setup, config, &federation);
    let clock = &clock(prepared, config, server.as_ref());
    let at = Undisturbed { alone: Alone { device, wiring: &world.wiring }, clock };
    server.forecast(0, &at, horizon);
    let mut explained: Vec<Explained> = Vec::new();
    for account in accounts.take() {
        let seen = explained.iter().any(|other| other.workload == account.workload);
        if !seen && !account.workload.phases.is_empty() {
            explained.push(of_account(account));
        }
    }
    Ok(explained)
}

fn of_account(account: Account) -> Explained {
    let elements = |tensors: &Tensors| (tensors.count * tensors.elements.value()) as u64;
    let held = account.tensors.iter().map(|(_, count, tensors)| {
        let training = tensors.iter().filter(|tensors| tensors.trains);
        count * training.map(elements).sum::<u64>()
    });
    let model = account.memory.iter().filter(|held| held.what.starts_with("parameters"));
    Explained {
        trainable: held.sum(),
        stored: model.map(Holding::bytes).sum(),
        figures: [
            parameters(&account),
            Figure::sum("FLOPs", 1, account.items.iter().map(of_item).collect()),
            memory(&account),
            message("bytes down", account.workload.download),
            message("bytes up", account.workload.upload),
        ],
        workload: account.workload,
    }
}

fn parameters(account: &Account) -> Figure {
    let part = |(part, count, tensors): &(&str, u64, Vec<Tensors>)| {
        Figure::sum(*part, *count, tensors.iter().map(of_tensors).collect())
    };
    Figure::sum("parameters", 1, account.tensors.iter().map(part).collect())
}

fn of_tensors(tensors: &Tensors) -> Figure {
    let trains = if tensors.trains { ", trained" } else { "" };
    let (symbols, mut factors) = product(&tensors.elements);
    let times = if tensors.count > 1 { format!("{}·", tensors.count) } else { String::new() };
    if tensors.count > 1 {
        factors.insert(0, tensors.count as u128);
    }
    Figure::leaf(format!("{}{trains}", tensors.what), format!("{times}{symbols}"), factors)
}

/// A size as symbols and as factors.
fn product(size: &fleetune_models::cost::Size) -> (String, Vec<u128>) {
    (size.symbols().to_string(), size.values().map(|value| value as u128).collect())
}

fn of_item(item: &Item) -> Figure {
    let phase = match item.phase {
        PhaseKind::Forward => "forward",
        PhaseKind::Backward => "backward",
        PhaseKind::Perturbation => "perturbation",
        PhaseKind::Optimizer => "update",
        PhaseKind::Encoding => "encoding",
    };
    match &item.what {
        Done::Pass { first, end, flops, breakdown } => {
            let what = format!("{phase} of stages {first} to {}", end - 1);
            let times = |term: &Term| match item.phase {
                PhaseKind::Backward => term.backward,
                _ => term.forward,
            };
            let parts: Vec<Figure> = breakdown
                .terms
                .iter()
                .filter(|term| times(term) > 0)
                .map(|term| of_term(term, times(term)))
                .collect();
            match parts.is_empty() {
                true => Figure::leaf(what, "", vec![item.times.into(), *flops]),
                false => Figure::sum(what, item.times, parts),
            }
        }
        Done::Elementwise { what, operations, elements } => {
            let factors = vec![item.times.into(), (*operations).into(), (*elements).into()];
            let symbols = format!("{} passes·operations·parameters", item.times);
            Figure::leaf(format!("{phase}: {what}"), symbols, factors)
        }
        Done::Other { what, flops } => {
            let factors = vec![item.times.into(), *flops];
            Figure::leaf(format!("{phase}: {what}"), "", factors)
        }
    }
}

fn of_term(term: &Term, times: u64) -> Figure {
    let (symbols, mut factors) = product(&term.flops);
    factors.insert(0, times.into());
    Figure::leaf(format!("{} {}", term.part, term.what), format!("{times}·{symbols}"), factors)
}

fn memory(account: &Account) -> Figure {
    let part = |held: &Holding| match held.breakdown.is_empty() {
        true => {
            let symbols = if held.width == 1 { "bytes" } else { "width·elements" };
            Figure::leaf(held.what, symbols, vec![held.width.into(), held.elements.into()])
        }
        false => Figure::sum(held.what, held.width, held.breakdown.iter().map(of_alive).collect()),
    };
    Figure::sum("peak memory", 1, account.memory.iter().map(part).collect())
}

fn of_alive(alive: &Alive) -> Figure {
    let (symbols, mut factors) = product(&alive.elements);
    factors.insert(0, alive.times.into());
    let what = format!("{} {}", alive.part, alive.what);
    Figure::leaf(what, format!("{}·{symbols}", alive.times), factors)
}

fn message(what: &str, bytes: Bytes) -> Figure {
    let header = Payload::size(0).get();
    let Some(body) = bytes.get().checked_sub(header) else {
        return Figure::leaf(what, "", vec![bytes.get().into()]);
    };
    let body = match body.is_multiple_of(4) {
        true => Figure::leaf("values of 32 bits", "4·values", vec![4, (body / 4).into()]),
        false => Figure::leaf("packed values", "", vec![body.into()]),
    };
    let parts = vec![Figure::leaf("header", "", vec![header.into()]), body];
    Figure::sum(what, 1, parts)
}
