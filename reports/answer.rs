//! What the run says, in sentences.

use crate::{
    charged,
    format::{count, listing, percent, percent_short, percent_whole, ratio, ratio_interval},
    privacy,
    reader::Run,
    records::{AlgorithmDetails, ProfileFit},
    staleness,
    statistics::{Comparison, Contrast, Outcome, PairedRatio, Resource},
    text::shown,
    words::{bounded_ratio, incomparable, seen},
};

/// The answer to "which algorithm shall I choose for this fleet, and why".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which algorithm reaches the target first, how far ahead of the next, and who cannot run on all devices.
    pub headline: String,
    /// What else one must know to choose: the cheapest by other resources, who falls short, who
    /// cannot run where, what the seeds do not tell apart, how stale and how private updates were.
    pub points: Vec<String>,
}

impl Answer {
    /// Draws the conclusions that the seeds allow.
    pub fn new(run: &Run, comparison: &Comparison) -> Self {
        let headline = charged::qualified(run, headline(comparison, &run.details.algorithms));
        let mut points = Vec::new();
        points.extend(cheapest(comparison));
        points.extend(short_of_target(comparison));
        points.extend(cannot_run(&run.details.algorithms));
        points.extend(indistinct(comparison));
        let mut points: Vec<String> =
            points.into_iter().map(|point| charged::qualified(run, point)).collect();
        points.extend(staleness::sentences(run));
        points.extend(privacy::sentences(run));
        Self { headline, points }
    }
}

/// Who reaches the target first, how far ahead of the next, and who cannot run on all devices: one sentence.
pub(crate) fn headline(comparison: &Comparison, algorithms: &[AlgorithmDetails]) -> String {
    let target = percent_short(comparison.target);
    let ranking = comparison.ranking(Resource::Time);
    let Some((&first, rest)) = ranking.split_first() else { return nobody(comparison) };
    let time = amount(first, Resource::Time);
    let seeds = if first.is_censored() {
        format!(" in {} of {} seeds", first.reached, first.seeds)
    } else {
        String::new()
    };
    let rival = rival(comparison, first, Resource::Time);
    let lead = match &rival {
        Some(_) => "in the most seeds, ",
        None if comparison.outcomes.len() > 1 => "first, ",
        None => "",
    };
    let mut text = format!(
        "On this fleet {} reaches {target} test accuracy {lead}after {time} of simulated time{seeds}",
        shown(&first.algorithm)
    );
    if let Some((rival, ratio)) = rival {
        let (name, times) = (shown(&rival.algorithm), times(&ratio));
        let (reached, seeds) = (rival.reached, rival.seeds);
        text.push_str(&format!(
            "; {name} takes {times} as long where it gets there, but that is in {reached} of {seeds} seeds only"
        ));
    } else if let Some(&second) = rest.first() {
        text.push_str(&follower(comparison, second, first));
    }
    if let Some(excluded) = cannot_run_share(algorithms) {
        text.push_str(&format!("; {excluded}"));
    }
    text + "."
}

/// "FedAvg cannot run on 19% and FedSPZO on 2% of devices".
fn cannot_run_share(algorithms: &[AlgorithmDetails]) -> Option<String> {
    let mut shares: Vec<(u64, u64, Vec<String>)> = Vec::new();
    for algorithm in algorithms {
        let count = |all: bool| {
            let counted = algorithm.fit.iter().filter(|fit| all || !fit.fits);
            counted.map(|fit| fit.devices).sum::<u64>()
        };
        let (lacking, all) = (count(false), count(true));
        if lacking == 0 {
            continue;
        }
        let label = shown(&algorithm.label);
        match shares.iter_mut().find(|(l, a, _)| (*l, *a) == (lacking, all)) {
            Some((.., labels)) => labels.push(label),
            None => shares.push((lacking, all, vec![label])),
        }
    }
    shares.sort_by_key(|(lacking, ..)| u64::MAX - lacking);
    let parts = shares.iter().enumerate().map(|(place, (lacking, all, labels))| {
        let verb = if place == 0 { "cannot run on" } else { "on" };
        let share = percent_whole(*lacking as f64 / *all as f64);
        format!("{} {verb} {share}", listing(labels))
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| format!("{} of devices", listing(&parts)))
}

/// The cheapest of those that reached the target in fewer seeds than `first`, if it is cheaper
/// where it does: whoever calls `first` the best must mention it.
fn rival<'a>(
    comparison: &'a Comparison,
    first: &Outcome,
    resource: Resource,
) -> Option<(&'a Outcome, PairedRatio)> {
    let less_reliable = comparison.outcomes.iter().filter(|o| o.reached < first.reached);
    less_reliable
        .filter_map(|o| Some((o, o.ratio(first, resource)?)))
        .filter(|(_, r)| r.ratio < 1.0)
        .min_by(|a, b| a.1.ratio.total_cmp(&b.1.ratio))
}

/// How the next stands to the first, as the rest of a sentence.
fn follower(comparison: &Comparison, second: &Outcome, first: &Outcome) -> String {
    let name = shown(&second.algorithm);
    let contrast = match second.contrast(first, Resource::Time) {
        Ok(contrast) => contrast,
        Err(_) => return format!("; {name} reaches it too, but in no seed that could be compared"),
    };
    let (times, seeds) = (bounded_times(&contrast), count(contrast.seeds.0 as u64, "seed"));
    let apart = comparison.are_apart(second, first, Resource::Time);
    match contrast.interval {
        None => format!("; {name} takes {times} as long, which one seed cannot tell from chance"),
        Some(_) if apart && contrast.ratio > 1.0 => format!(", {times} sooner than {name}"),
        Some(_) if apart => {
            format!("; {name}, the next by the mean, takes {times} as long seed by seed")
        }
        Some(_) if contrast.is_distinguishable() => format!(
            "; {name}, the next, takes {times} as long, but {seeds} do not tell the two apart once all pairs are looked \
             at together"
        ),
        Some(_) => {
            format!("; {name}, the next, takes {times} as long: {seeds} do not tell the two apart")
        }
    }
}

/// "≥ 2.41× (95% interval 1.90–3.06, up to 30.1 s, where runs ended)".
fn bounded_times(contrast: &Contrast) -> String {
    let mut remarks = Vec::new();
    if let Some(interval) = contrast.interval {
        remarks.push(match ratio_interval(contrast.ratio, interval) {
            Some(range) => format!("95% interval {range}"),
            None => "the same in every seed".to_owned(),
        });
    }
    if contrast.horizon.is_finite() {
        remarks.push("up to where both were watched".to_owned());
    }
    let ratio = bounded_ratio(contrast);
    if remarks.is_empty() { ratio } else { format!("{ratio} ({})", remarks.join(", ")) }
}

/// "2.41× (95% interval 1.90–3.06, over the 2 seeds in which both reached it)".
fn times(r: &PairedRatio) -> String {
    let mut remarks = Vec::new();
    if let Some(interval) = r.interval {
        remarks.push(match ratio_interval(r.ratio, interval) {
            Some(range) => format!("95% interval {range}"),
            None => "the same in every seed".to_owned(),
        });
    }
    if r.left_out > 0 {
        let seeds = count(r.pairs as u64, "seed");
        remarks.push(format!("over the {seeds} in which both reached it"));
    }
    if remarks.is_empty() {
        ratio(r.ratio)
    } else {
        format!("{} ({})", ratio(r.ratio), remarks.join(", "))
    }
}

fn nobody(comparison: &Comparison) -> String {
    let target = percent_short(comparison.target);
    let last = |o: &Outcome| o.final_accuracy.map(|e| e.mean);
    let best = comparison
        .outcomes
        .iter()
        .filter_map(|o| Some((o, last(o)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    match best {
        Some((outcome, accuracy)) => format!(
            "No algorithm reached {target} test accuracy within this run. {} came closest and \
             ended at {}.",
            shown(&outcome.algorithm),
            percent(accuracy)
        ),
        None => format!(
            "No algorithm reached {target} test accuracy: no round was evaluated before the run \
             ended."
        ),
    }
}

fn amount(outcome: &Outcome, resource: Resource) -> String {
    let Some(cost) = outcome.seen(resource) else { return "an unknown amount".to_owned() };
    if outcome.is_censored() {
        return format!("at least {}", resource.quantity().human(cost.mean));
    }
    let (value, range) = match cost.interval() {
        Some(interval) => resource.quantity().human_interval(cost.mean, interval),
        None => (resource.quantity().human(cost.mean), None),
    };
    range.map_or(value.clone(), |range| format!("{value} (95% interval {range})"))
}

/// One sentence for each resource but time.
fn cheapest(comparison: &Comparison) -> Vec<String> {
    let sentence = |resource: Resource, what: &str| {
        let ranking = comparison.ranking(resource);
        let (&first, rest) = ranking.split_first()?;
        let &second = rest.first()?;
        let cost = seen(first, resource)?;
        let name = shown(&first.algorithm);
        if let Some((rival, ratio)) = rival(comparison, first, resource) {
            return Some(format!(
                "Least {what} of those that reached the target in the most seeds: {name} with \
                 {cost}; but {} needs {} where it gets there, in {} of {} seeds.",
                shown(&rival.algorithm),
                times(&ratio),
                rival.reached,
                rival.seeds
            ));
        }
        let next = match second.contrast(first, resource) {
            Ok(c) if c.interval.is_none() || comparison.are_apart(second, first, resource) => {
                format!("{} needs {}", shown(&second.algorithm), bounded_times(&c))
            }
            Ok(c) => format!(
                "{} needs {}, which may be chance",
                shown(&second.algorithm),
                bounded_times(&c)
            ),
            Err(why) => {
                format!(
                    "{} cannot be compared: {}",
                    shown(&second.algorithm),
                    incomparable(why, resource)
                )
            }
        };
        Some(format!("Least {what}: {name} with {cost}; next, {next}."))
    };
    [
        (Resource::Flops, "arithmetic on devices"),
        (Resource::Uplink, "bytes sent by devices"),
        (Resource::Energy, "energy of devices"),
    ]
    .into_iter()
    .filter_map(|(resource, what)| sentence(resource, what))
    .collect()
}

fn short_of_target(comparison: &Comparison) -> Vec<String> {
    if comparison.ranking(Resource::Time).is_empty() {
        return Vec::new();
    }
    let target = percent_short(comparison.target);
    let (never, sometimes): (Vec<&Outcome>, Vec<&Outcome>) =
        comparison.outcomes.iter().filter(|o| o.is_censored()).partition(|o| o.reached == 0);
    let ended = |o: &&Outcome| match o.final_accuracy {
        Some(e) => format!("{} (ended at {})", shown(&o.algorithm), percent(e.mean)),
        None => format!("{} (never evaluated)", shown(&o.algorithm)),
    };
    let never = never.iter().map(ended).collect::<Vec<_>>();
    let mut sentences = Vec::new();
    if !never.is_empty() {
        sentences.push(format!("{target} was not reached in any seed by {}.", listing(&never)));
    }
    sentences.extend(sometimes.iter().map(|o| {
        format!(
            "{} reached {target} in {} of {} seeds only; its costs are lower bounds: the other seeds count with what they \
             had spent when they were given up.",
            shown(&o.algorithm),
            o.reached,
            o.seeds
        )
    }));
    sentences
}

/// Who cannot run where; algorithms that share their list share a sentence.
pub(crate) fn cannot_run(algorithms: &[AlgorithmDetails]) -> Vec<String> {
    let mut groups: Vec<(Vec<String>, Vec<&ProfileFit>)> = Vec::new();
    for algorithm in algorithms {
        let lacking = algorithm.fit.iter().filter(|f| !f.fits && f.devices > 0).collect::<Vec<_>>();
        if lacking.is_empty() {
            continue;
        }
        let names = |l: &[&ProfileFit]| l.iter().map(|f| f.profile.clone()).collect::<Vec<_>>();
        match groups.iter_mut().find(|(_, l)| names(l) == names(&lacking)) {
            Some((labels, _)) => labels.push(shown(&algorithm.label)),
            None => groups.push((vec![shown(&algorithm.label)], lacking)),
        }
    }
    let fleet = |label: &str| {
        let mut all = algorithms.iter().filter(|a| shown(&a.label) == label);
        all.next().map_or(0, |a| a.fit.iter().map(|f| f.devices).sum::<u64>())
    };
    let sentence = |(labels, lacking): (Vec<String>, Vec<&ProfileFit>)| {
        let devices = lacking.iter().map(|f| f.devices).sum::<u64>();
        let classes = lacking.iter().map(|f| format!("{} ({})", shown(&f.profile), f.devices));
        format!(
            "{} cannot run on {devices} of {}, for want of memory: {}.",
            listing(&labels),
            count(fleet(&labels[0]), "device"),
            listing(&classes.collect::<Vec<_>>())
        )
    };
    groups.into_iter().map(sentence).collect()
}

/// What the seeds leave open about time, beyond the headline's pair.
fn indistinct(comparison: &Comparison) -> Vec<String> {
    let ranking = comparison.ranking(Resource::Time);
    let Some((&first, rest)) = ranking.split_first() else { return Vec::new() };
    if first.seeds == 1 {
        return vec![
            "One seed only: no interval can be given, and small differences mean nothing."
                .to_owned(),
        ];
    }
    let close = rest
        .iter()
        .skip(1)
        .filter(|o| !comparison.are_apart(o, first, Resource::Time))
        .map(|o| shown(&o.algorithm))
        .collect::<Vec<_>>();
    if close.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "In simulated time, {} cannot be told from {} either with these seeds.",
        listing(&close),
        shown(&first.algorithm)
    )]
}
