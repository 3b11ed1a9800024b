//! N8, N10: what holds on any network, at any moment.

use std::collections::BTreeMap;

use fleetune_devices::{
    energy::Moment,
    network::{
        fair_share::{Capacity, Flow, Hop, Sharing},
        topology::LinkId,
        transfers::{FlowId, Transfer, Transfers},
    },
    streams::{SeedTree, open_unit},
};
use fleetune_units::{Bytes, BytesPerSecond, Seconds};

use super::kit::{rate, start};
use crate::{Experiment, Finding, Measurement, ValidationError, experiment::replicate};

pub(super) const MAX_MIN: Experiment = Experiment {
    id: "N8",
    title: "The definition of max-min fairness",
    statement: "On random networks, whenever a flow has begun or ended: every flow is at its cap \
                or has a bottleneck, no link carries more than it can, the order of flows and \
                links does not matter, and k times the capacities are k times the rates.",
    closed_form: "for every flow j: x_j = b_j, or a full link on which x_j/w_j is the largest",
    measure: max_min,
};

pub(super) const CONSERVATION: Experiment = Experiment {
    id: "N10",
    title: "Conservation of bytes",
    statement: "Flows of random networks that begin, end or are broken off at random: what a flow \
                has moved is the integral of its rate, what ended has moved all of it, and a link \
                carries no more than its capacity times the time.",
    closed_form: "∫ x_j dt = bytes moved; sent = received + lost; link bytes ≤ C T",
    measure: conservation,
};

/// Random networks.
const NETWORKS: u64 = 400;

/// A network and what is to be moved over it.
struct World {
    links: Vec<Capacity>,
    /// In order of their starts.
    flows: Vec<(Moment, Transfer)>,
    /// When each flow is broken off, unless it has ended.
    aborts: Vec<Option<Moment>>,
}

impl World {
    fn draw(seeds: &SeedTree) -> Self {
        let mut rng = seeds.stream("network", 0);
        let mut unit = || open_unit(&mut rng);
        let count = 1 + (unit() * 8.0) as usize;
        let mut link = || {
            let sharing = if unit() < 0.8 { Sharing::Shared } else { Sharing::FatPipe };
            Capacity { capacity: rate(1e3 + 1e5 * unit()), sharing }
        };
        let links: Vec<Capacity> = (0..count).map(|_| link()).collect();
        let number = 1 + (unit() * 24.0) as usize;
        let mut flows = Vec::new();
        for _ in 0..number {
            let first = (unit() * count as f64) as usize;
            let hops = 1 + (unit() * count.min(4) as f64) as usize;
            let usage = if unit() < 0.8 { 1.0 } else { 0.05 + unit() };
            let route = (0..hops).map(|i| Hop { link: (first + i) % count, usage }).collect();
            let weight = if unit() < 0.5 { 1.0 } else { 0.1 + 5.0 * unit() };
            let cap = (unit() < 0.3).then(|| rate(100.0 + 4e4 * unit()));
            let size = Bytes::new((unit() * 2e5) as u64);
            let latency = Seconds::from_raw((unit() * 1e9).floor() / 1e9);
            let begin = (unit() * 1e10) as u64;
            let transfer = Transfer { flow: Flow { route, weight, cap }, size, latency };
            let abort = (unit() < 0.25).then(|| Moment(begin + (unit() * 1e10) as u64));
            flows.push(((Moment(begin), transfer), abort));
        }
        flows.sort_by_key(|((at, _), _)| *at);
        let (flows, aborts) = flows.into_iter().unzip();
        Self { links, flows, aborts }
    }

    /// The same with flows and links in the opposite order.
    fn mirrored(&self) -> Self {
        let last = self.links.len() - 1;
        let mut mirrored = Self {
            links: self.links.iter().rev().copied().collect(),
            flows: self.flows.clone(),
            aborts: self.aborts.clone(),
        };
        for (_, transfer) in &mut mirrored.flows {
            transfer.flow.route.iter_mut().for_each(|hop| hop.link = last - hop.link);
            transfer.flow.route.reverse();
        }
        mirrored
    }

    /// The same with `k` times the capacities and caps.
    fn scaled(&self, k: f64) -> Self {
        let wider = |link: &Capacity| Capacity { capacity: link.capacity * k, ..*link };
        let mut flows = self.flows.clone();
        flows.iter_mut().for_each(|(_, t)| t.flow.cap = t.flow.cap.map(|cap| cap * k));
        Self { links: self.links.iter().map(wider).collect(), flows, aborts: self.aborts.clone() }
    }

    /// Rates when all flows have just begun at once, by flow; `order` is that of their starts.
    fn rates(&self, backwards: bool) -> Result<Vec<f64>, ValidationError> {
        let mut engine = Transfers::new(Moment(0), &self.links);
        let mut ids: Vec<usize> = (0..self.flows.len()).collect();
        if backwards {
            ids.reverse();
        }
        for &id in &ids {
            let flow = self.flows[id].1.flow.clone();
            let (size, latency) = (Bytes::new(1 << 40), Seconds::ZERO);
            // The engine sees them by other names, too.
            let name = if backwards { ids.len() - 1 - id } else { id } as u64;
            start(&mut engine, name, Moment(0), Transfer { flow, size, latency })?;
        }
        engine.settle(Moment(0)).map_err(ValidationError::refused)?;
        let rate = |id: usize| {
            let name = if backwards { ids.len() - 1 - id } else { id } as u64;
            engine.rate(FlowId(name)).map_or(f64::NAN, BytesPerSecond::get)
        };
        Ok((0..self.flows.len()).map(rate).collect())
    }

    /// Plays it; `watch` sees every settled moment.
    fn play(&self, mut watch: impl FnMut(&Transfers, Moment)) -> Result<Played, ValidationError> {
        let starts = self.flows.iter().enumerate().map(|(id, (at, _))| (*at, true, id));
        let aborts =
            self.aborts.iter().enumerate().filter_map(|(id, at)| Some(((*at)?, false, id)));
        let mut events: Vec<_> = starts.chain(aborts).collect();
        events.sort_unstable();
        let mut engine = Transfers::new(Moment(0), &self.links);
        let mut played = Played { moved: vec![0; self.flows.len()], ..Played::default() };
        for (at, begins, id) in events {
            while let Some(due) = engine.next().filter(|due| *due <= at) {
                played.settle(&mut engine, due)?;
                watch(&engine, due);
            }
            played.settle(&mut engine, at)?;
            if begins {
                start(&mut engine, id as u64, at, self.flows[id].1.clone())?;
            } else if let Some(moved) =
                engine.abort(FlowId(id as u64), at).map_err(ValidationError::refused)?
            {
                played.moved[id] = moved.get();
                played.aborted += 1;
            }
            played.settle(&mut engine, at)?;
            watch(&engine, at);
        }
        while let Some(due) = engine.next() {
            played.settle(&mut engine, due)?;
            watch(&engine, due);
        }
        played.left = engine.len();
        Ok(played)
    }
}

/// What came out.
#[derive(Debug, Default)]
struct Played {
    /// Bytes by flow.
    moved: Vec<u64>,
    completed: usize,
    aborted: usize,
    left: usize,
}

impl Played {
    fn settle(&mut self, engine: &mut Transfers, now: Moment) -> Result<(), ValidationError> {
        for done in engine.settle(now).map_err(ValidationError::refused)? {
            self.moved[done.id.0 as usize] = done.size.get();
            self.completed += 1;
        }
        Ok(())
    }
}

/// Relative; sums of a few rates are rounded.
const CLOSE: f64 = 1e-9;

/// Faults at one moment: flows without cap or bottleneck, and links that carry too much.
fn faults(world: &World, engine: &Transfers) -> [u128; 2] {
    // Only what moves counts.
    let mut rates: BTreeMap<usize, f64> = BTreeMap::new();
    for link in 0..world.links.len() {
        for id in engine.flows_over(LinkId(link as u32)) {
            rates.insert(id.0 as usize, engine.rate(id).map_or(0.0, BytesPerSecond::get));
        }
    }
    let flow = |id: usize| &world.flows[id].1.flow;
    let mut used = vec![0.0; world.links.len()];
    let mut top = vec![0.0_f64; world.links.len()];
    for (&id, &x) in &rates {
        for hop in &flow(id).route {
            let load = hop.usage * x;
            match world.links[hop.link].sharing {
                Sharing::Shared => used[hop.link] += load,
                Sharing::FatPipe => used[hop.link] = load.max(used[hop.link]),
            }
            top[hop.link] = top[hop.link].max(x / flow(id).weight);
        }
    }
    let capacity = |link: usize| world.links[link].capacity.get();
    let full = |link: usize| used[link] >= capacity(link) * (1.0 - CLOSE);
    let content = |id: usize, x: f64| {
        let Flow { route, weight, cap } = flow(id);
        let at_cap = cap.is_some_and(|cap| x >= cap.get() * (1.0 - CLOSE));
        at_cap
            || route.iter().any(|hop| match world.links[hop.link].sharing {
                Sharing::FatPipe => hop.usage * x >= capacity(hop.link) * (1.0 - CLOSE),
                Sharing::Shared => full(hop.link) && x / weight >= top[hop.link] * (1.0 - CLOSE),
            })
    };
    let slighted = rates.iter().filter(|&(&id, &x)| !content(id, x)).count();
    let overloaded =
        (0..world.links.len()).filter(|&l| used[l] > capacity(l) * (1.0 + CLOSE)).count();
    [slighted as u128, overloaded as u128]
}

/// The largest relative distance between two lists of rates, the second `k` times the first.
fn distance(one: &[f64], other: &[f64], k: f64) -> f64 {
    let each = one.iter().zip(other).map(|(a, b)| (b / (k * a) - 1.0).abs());
    each.fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst })
}

fn max_min(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let found = replicate(seeds, NETWORKS, |seeds| {
        let world = World::draw(seeds);
        let (mut moments, mut sum) = (0_u64, [0, 0]);
        world.play(|engine, _| {
            let [slighted, overloaded] = faults(&world, engine);
            sum = [sum[0] + slighted, sum[1] + overloaded];
            moments += 1;
        })?;
        let rates = world.rates(false)?;
        let order = distance(&rates, &world.mirrored().rates(true)?, 1.0);
        let scale = distance(&rates, &world.scaled(1000.0).rates(false)?, 1000.0);
        Ok((moments, sum, order, scale))
    })?;
    let moments: u64 = found.iter().map(|one| one.0).sum();
    let total = |which: usize| found.iter().map(|one| one.1[which]).sum::<u128>();
    let worse = |worst, d: f64| if d > worst || d.is_nan() { d } else { worst };
    let order = found.iter().map(|one| one.2).fold(0.0, worse);
    let scale = found.iter().map(|one| one.3).fold(0.0, worse);
    let where_ = format!("{NETWORKS} networks, {moments} moments");
    Ok(vec![
        Finding::exact(format!("flows without cap or bottleneck, {where_}"), "", 0, total(0)),
        Finding::exact(format!("links above their capacity, {where_}"), "", 0, total(1)),
        Finding::within("relative change by reordering flows and links", "", 0.0, order, 1e-12),
        Finding::within("relative change of x/k by scaling with k = 1000", "", 0.0, scale, 1e-12),
    ]
    .into())
}

/// What one network's books say.
struct Books {
    flows: usize,
    completed: usize,
    aborted: usize,
    left: usize,
    disagreeing: usize,
    overfull: usize,
}

fn conservation(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let books = replicate(seeds, NETWORKS, |seeds| audit(&World::draw(seeds)))?;
    let sum = |of: fn(&Books) -> usize| books.iter().map(of).sum::<usize>() as u128;
    let (flows, aborted) = (sum(|b| b.flows), sum(|b| b.aborted));
    Ok(vec![
        Finding::exact(
            format!("flows ended or broken off ({aborted} were)"),
            "",
            flows,
            sum(|b| b.completed) + aborted,
        ),
        Finding::exact("flows left in the engine", "", 0, sum(|b| b.left)),
        Finding::exact(
            format!("flows whose bytes are not the integral of their rate, of {flows}"),
            "",
            0,
            sum(|b| b.disagreeing),
        ),
        Finding::exact("links that carried more than C T", "", 0, sum(|b| b.overfull)),
    ]
    .into())
}

fn audit(world: &World) -> Result<Books, ValidationError> {
    let count = world.flows.len();
    let (mut since, mut now) = (Moment(0), vec![0.0; count]);
    let mut integral = vec![0.0; count];
    // What a flow may move in the nanosecond that its end is rounded up by.
    let mut fastest = vec![0.0_f64; count];
    let mut end = Moment(0);
    let played = world.play(|engine, at| {
        let step = at.since(since).get();
        for id in 0..count {
            integral[id] += now[id] * step;
            now[id] = engine.rate(FlowId(id as u64)).map_or(0.0, BytesPerSecond::get);
            fastest[id] = fastest[id].max(now[id]);
        }
        (since, end) = (at, at);
    })?;
    // A byte under way does not count as moved, and every change rounds.
    let differs = |id: &usize| {
        let apart = integral[*id] - played.moved[*id] as f64;
        !(-1e-3..=1.0 + 1e-3 + 1e-9 * fastest[*id]).contains(&apart)
    };
    let carried = |link: usize| {
        let over = |id: usize| {
            let hop = world.flows[id].1.flow.route.iter().find(|hop| hop.link == link);
            hop.map_or(0.0, |hop| hop.usage * integral[id])
        };
        (0..count).map(over).sum::<f64>()
    };
    let room = |link: usize| world.links[link].capacity.get() * end.since(Moment(0)).get();
    let is_shared = |link: &usize| world.links[*link].sharing == Sharing::Shared;
    let links = (0..world.links.len()).filter(is_shared);
    Ok(Books {
        flows: count,
        completed: played.completed,
        aborted: played.aborted,
        left: played.left,
        disagreeing: (0..count).filter(differs).count(),
        overfull: links.filter(|&link| carried(link) > room(link) * (1.0 + CLOSE)).count(),
    })
}
