//! Who took part: by device class, and by group where groups have rounds of their own.

use serde::Serialize;

use crate::{
    format::{Quantity, grouped, percent, significant},
    records::{
        AlgorithmDetails, Fates, GroupRecord, Histogram, LOSSES, Loss, ProfileParticipation,
    },
    text::shown,
};

/// A column: its head, and what it says of a member.
type Column<'a, T> = (&'a str, Box<dyn Fn(&T) -> String + 'a>);

/// A table whose first two columns name an algorithm and what of it a row is about. Columns that
/// would say nothing are absent.
#[derive(Serialize)]
pub(crate) struct Table {
    /// Of the columns behind those two.
    heads: Vec<String>,
    rows: Vec<Row>,
    /// What the columns mean.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    algorithm: String,
    /// Rows of this algorithm, on its first row; 0 on the others.
    span: usize,
    name: String,
    cells: Vec<String>,
}

impl Table {
    fn new<T>(
        columns: &[Column<'_, T>],
        blocks: Vec<(&str, &[T])>,
        name: impl Fn(&T) -> String,
        notes: Vec<String>,
    ) -> Self {
        let mut rows = Vec::new();
        for (algorithm, members) in blocks {
            for (i, member) in members.iter().enumerate() {
                rows.push(Row {
                    algorithm: shown(algorithm),
                    span: if i == 0 { members.len() } else { 0 },
                    name: name(member),
                    cells: columns.iter().map(|(_, cell)| cell(member)).collect(),
                });
            }
        }
        Self { heads: columns.iter().map(|(head, _)| (*head).to_owned()).collect(), rows, notes }
    }
}

/// What devices of each class did.
pub(crate) fn by_class(algorithms: &[AlgorithmDetails]) -> Option<Table> {
    if algorithms.iter().all(|algorithm| algorithm.participation.is_empty()) {
        return None;
    }
    let mut all = Fates::default();
    algorithms.iter().for_each(|algorithm| all += algorithm.fates());
    let mut columns: Vec<Column<'_, ProfileParticipation>> = vec![
        ("Devices", Box::new(|p| grouped(p.devices))),
        ("Started", Box::new(|p| grouped(p.started))),
        ("Used", Box::new(|p| grouped(p.completed))),
    ];
    let mut notes = vec![
        "Client-rounds of all seeds together.".to_owned(),
        "Used: the result was aggregated.".to_owned(),
    ];
    for (index, Loss { name, meaning }) in LOSSES.iter().enumerate() {
        if all.lost[index] > 0 {
            columns.push((HEADS[index], Box::new(move |p| grouped(p.fates().lost[index]))));
            notes.push(format!("{}: {meaning}.", capital(name)));
        }
    }
    let stale_at_all = algorithms.iter().map(AlgorithmDetails::staleness);
    let (joined, discarded): (u64, u64) = stale_at_all
        .map(|staleness| (staleness.joined.total(), staleness.discarded.total()))
        .fold((0, 0), |sum, one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)));
    if joined > 0 {
        columns.push(("Staleness", Box::new(|p| stale(&p.staleness.joined))));
        notes.push(STALENESS.to_owned());
    }
    if discarded > 0 {
        columns.push(("Too stale", Box::new(too_stale)));
        notes.push(
            "Too stale: the share of the updates that arrived which was discarded.".to_owned(),
        );
    }
    columns.push(("Compute", Box::new(|p| Quantity::Flops.human(p.device_flops.get() as f64))));
    columns.push(("Energy", Box::new(|p| Quantity::Energy.human(p.energy.get()))));
    let blocks =
        algorithms.iter().map(|a| (a.label.as_str(), a.participation.as_slice())).collect();
    Some(Table::new(&columns, blocks, |p| shown(&p.profile), notes))
}

/// What groups did; nothing where all devices are one.
pub(crate) fn by_group(algorithms: &[AlgorithmDetails]) -> Option<Table> {
    let blocks: Vec<(&str, &[GroupRecord])> = algorithms
        .iter()
        .map(|algorithm| (algorithm.label.as_str(), algorithm.groups.as_slice()))
        .filter(|(_, groups)| groups.len() > 1)
        .collect();
    let groups = || blocks.iter().flat_map(|(_, groups)| groups.iter());
    groups().next()?;
    let bytes = |bytes: fleetune_units::Bytes| Quantity::Bytes.human(bytes.get() as f64);
    let mut columns: Vec<Column<'_, GroupRecord>> = vec![
        ("Devices", Box::new(|g| grouped(g.devices))),
        ("Rounds", Box::new(|g| grouped(g.rounds))),
        ("Used", Box::new(|g| grouped(g.participants))),
        (
            "Round time",
            Box::new(|g| g.mean_round.map_or("–".into(), |t| Quantity::Time.human(t.get()))),
        ),
    ];
    let mut notes = vec![
        "All seeds together. Rounds: those of its own that a group closed. Used: client-rounds of which something was \
         aggregated. Round time: the mean from the asking of the devices to the joining of their updates."
            .to_owned(),
    ];
    if groups().any(|group| !group.staleness.is_empty()) {
        columns.push(("Staleness", Box::new(|g| stale(&g.staleness))));
        notes.push(STALENESS.to_owned());
    }
    columns.push(("Compute", Box::new(|g| Quantity::Flops.human(g.device_flops.get() as f64))));
    columns.push(("Uplink", Box::new(move |g| bytes(g.uplink))));
    columns.push(("Downlink", Box::new(move |g| bytes(g.downlink))));
    columns.push(("Energy", Box::new(|g| Quantity::Energy.human(g.energy.get()))));
    Some(Table::new(&columns, blocks, |g| shown(&g.name), notes))
}

/// The heads of the columns of [`LOSSES`].
const HEADS: [&str; LOSSES.len()] = ["Left", "Late", "Surplus", "Stale", "Interrupted", "Excluded"];

const STALENESS: &str = "Staleness: the versions of the model between the one that a device was given and the one that \
                         its update made, the mean over joined updates, and what 95% of them do not exceed.";

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// "3.21 (95% ≤ 9)".
fn stale(joined: &Histogram) -> String {
    match joined.mean().zip(joined.percentile(95)) {
        Some((mean, most)) => format!("{} (95% ≤ {most})", significant(mean)),
        None => "–".to_owned(),
    }
}

fn too_stale(profile: &ProfileParticipation) -> String {
    match profile.staleness.is_empty() {
        true => "–".to_owned(),
        false => percent(profile.staleness.discarded_share()),
    }
}
