//! How stale updates were: a histogram for each algorithm, over one axis.

use super::{
    Chart, LABEL, NOTE, View, column, font, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};
use crate::{
    format::{count, grouped, percent, percent_short, significant},
    records::{Histogram, Staleness},
    text::shown,
};

/// The height of an algorithm's histogram.
const BARS: f64 = 54.0;
/// From one algorithm to the next.
const ROW: f64 = 78.0;
const HEADING: &str = "How stale updates were when they arrived";

/// One algorithm.
struct Row {
    index: usize,
    name: String,
    counts: Staleness,
}

/// How values become bars: so many values to a bar, and so many bars.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bins {
    width: u64,
    bins: u64,
    /// The last bar has all that is larger, too.
    open: bool,
}

/// Nothing where no update can be stale.
pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let algorithms = view.run.details.algorithms.iter().enumerate();
    let rows = algorithms.map(|(index, algorithm)| Row {
        index,
        name: shown(&algorithm.label),
        counts: algorithm.staleness(),
    });
    let rows: Vec<Row> = rows.filter(|row| !row.counts.is_empty()).collect();
    let (largest, most) = rows.iter().map(reach).reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))?;
    let mut scene = Scene::new(view.width, 0.0);
    let top = title(&mut scene, HEADING);
    let any_discarded = rows.iter().any(|row| !row.counts.discarded.is_empty());
    let top = legend(&mut scene, any_discarded, top);
    let texts =
        || rows.iter().flat_map(|row| [(row.name.clone(), LABEL)].into_iter().chain(notes(row)));
    let widest =
        texts().map(|(text, size)| column([text], size, f64::INFINITY)).fold(0.0, f64::max);
    let label = widest.min(if view.is_narrow() { 0.44 } else { 0.3 } * view.width) + 14.0;
    let bars = (label, view.width - 4.0);
    let bins = Bins::of(largest, most, if view.is_narrow() { 40 } else { 72 });
    for (i, row) in rows.iter().enumerate() {
        histogram(&mut scene, row, bins, bars, top + ROW * i as f64);
    }
    let end = top + ROW * rows.len() as f64 - (ROW - BARS);
    let end = axis(&mut scene, bins, bars, end);
    let (title, scene) = (HEADING.to_owned(), on_paper(scene, end + 4.0));
    let caption = caption(bins, any_discarded);
    Some(Chart { name: "staleness".to_owned(), title, caption, scene })
}

/// The largest staleness, and what 99 % do not exceed, of all updates that arrived.
fn reach(row: &Row) -> (u64, u64) {
    let mut arrived = row.counts.joined.clone();
    arrived.merge(&row.counts.discarded);
    (arrived.largest().unwrap_or(0), arrived.percentile(99).unwrap_or(0))
}

impl Bins {
    /// For the values from 0 to `largest` in at most `room` bars. A long tail beyond `most` is one bar: it would press
    /// all others into a corner.
    fn of(largest: u64, most: u64, room: u64) -> Self {
        let open = largest > most.saturating_add(most / 2).saturating_add(2);
        let (largest, room) = if open { (most, room - 1) } else { (largest, room) };
        let Self { width, bins, .. } = Self::even(largest, room);
        Self { width, bins: bins + u64::from(open), open }
    }

    fn even(largest: u64, most: u64) -> Self {
        let mut width = 1_u64;
        for factor in [2, 5, 10].into_iter().cycle() {
            if largest / width < most {
                break;
            }
            let decade = 10_u64.saturating_pow(width.ilog10());
            width = decade.saturating_mul(factor);
            if width == u64::MAX {
                break;
            }
        }
        Self { width, bins: largest / width + 1, open: false }
    }

    /// Where on the axis, of unit length, the middle of `value` is.
    fn at(self, value: f64) -> f64 {
        ((value + 0.5) / (self.width as f64 * self.bins as f64)).min(1.0)
    }

    /// How many values fell into each bar.
    fn fill(self, histogram: &Histogram) -> Vec<u64> {
        let mut bars = vec![0_u64; self.bins as usize];
        for (value, count) in histogram.counts() {
            let bar = (value / self.width).min(self.bins - 1) as usize;
            bars[bar] = bars[bar].saturating_add(count);
        }
        bars
    }
}

/// What stands below an algorithm's name.
fn notes(row: &Row) -> impl Iterator<Item = (String, f64)> {
    let joined = &row.counts.joined;
    let known = joined.mean().zip(joined.percentile(95));
    let first = match known {
        Some((mean, most)) => format!("mean {}, 95% ≤ {most}", significant(mean)),
        None => "none joined".to_owned(),
    };
    let arrived = grouped(row.counts.arrived());
    let second = match row.counts.discarded.total() {
        0 => format!("{arrived} arrived"),
        _ => format!("{arrived} arrived, {} discarded", percent(row.counts.discarded_share())),
    };
    [first, second].into_iter().map(|text| (text, NOTE))
}

fn legend(scene: &mut Scene, any_discarded: bool, top: f64) -> f64 {
    let (mut x, mut y) = (0.0, top + 4.0);
    let mut item = |scene: &mut Scene, text: &str, draw: &dyn Fn(&mut Scene, Point)| {
        let width = 18.0 + font::width(text, NOTE) + 20.0;
        if x + width - 20.0 > scene.width {
            (x, y) = (0.0, y + 18.0);
        }
        draw(scene, (x, y));
        scene.text((x + 18.0, y + 10.0), text, NOTE, palette::INK, Anchor::Start);
        x += width;
    };
    item(scene, "mean of those joined", &|scene, (x, y)| {
        scene.line(&[(x + 6.0, y - 1.0), (x + 6.0, y + 13.0)], palette::INK, 1.6);
    });
    item(scene, "95% of those joined are at most here", &|scene, (x, y)| {
        scene.dashed(&[(x + 6.0, y - 1.0), (x + 6.0, y + 13.0)], palette::INK, 1.4, DASH);
    });
    if any_discarded {
        item(scene, "discarded as too stale", &|scene, at| {
            scene.rect(at, (at.0 + 12.0, at.1 + 12.0), palette::UNUSED);
        });
    }
    y + 30.0
}

const DASH: (f64, f64) = (2.5, 2.0);

fn histogram(scene: &mut Scene, row: &Row, bins: Bins, bars: (f64, f64), y: f64) {
    let limit = bars.0 - 14.0;
    let name = font::fitted(&row.name, LABEL, limit);
    scene.text((0.0, y + 14.0), name, LABEL, palette::INK, Anchor::Start);
    for (i, (text, size)) in notes(row).enumerate() {
        let at = (0.0, y + 31.0 + 15.0 * i as f64);
        scene.text(at, font::fitted(&text, size, limit), size, palette::MUTED, Anchor::Start);
    }
    let bottom = y + BARS;
    let (color, _) = palette::series(row.index);
    let (joined, discarded) = (bins.fill(&row.counts.joined), bins.fill(&row.counts.discarded));
    let both = || joined.iter().zip(&discarded).map(|(a, b)| a.saturating_add(*b));
    let highest = both().max().unwrap_or(0).max(1) as f64;
    let slot = (bars.1 - bars.0) / bins.bins as f64;
    // Whatever occurred is seen, however rarely.
    let height = |count: u64| match count {
        0 => 0.0,
        _ => ((BARS - 4.0) * count as f64 / highest).max(1.0),
    };
    for (i, (&joined, &discarded)) in joined.iter().zip(&discarded).enumerate() {
        let left = bars.0 + slot * i as f64;
        let right = left + (slot - if slot > 4.0 { 1.0 } else { 0.3 }).min(40.0);
        let middle = bottom - height(joined);
        if joined > 0 {
            scene.tint((left, middle), (right, bottom), color, 0.8);
        }
        if discarded > 0 {
            scene.rect((left, middle - height(discarded)), (right, middle), palette::UNUSED);
        }
    }
    scene.line(&[(bars.0, bottom), (bars.1, bottom)], palette::MUTED, 1.0);
    let x = |value: f64| match slot > 40.0 {
        // Narrow bars at the left ends of wide places.
        true => bars.0 + slot * (bins.at(value) * bins.bins as f64 - 0.5) + 20.0,
        false => bars.0 + (bars.1 - bars.0) * bins.at(value),
    };
    if let Some((mean, most)) = row.counts.joined.mean().zip(row.counts.joined.percentile(95)) {
        let line = |value: f64| [(x(value), y - 3.0), (x(value), bottom)];
        scene.line(&line(mean), palette::INK, 1.6);
        scene.dashed(&line(most as f64), palette::INK, 1.4, DASH);
    }
    tallest(scene, both(), row, bars, y);
}

/// Says what share the tallest bar has, at the right, if nothing is there.
fn tallest(
    scene: &mut Scene,
    bars: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + Clone,
    row: &Row,
    (left, right): (f64, f64),
    y: f64,
) {
    let highest = bars.clone().max().unwrap_or(0);
    let share = percent_short(highest as f64 / row.counts.arrived().max(1) as f64);
    let text = format!("tallest bar: {share}");
    let width = font::width(&text, NOTE) + 8.0;
    let slot = (right - left) / bars.len() as f64;
    let free = bars.rev().take_while(|&count| 4 * count < highest).count() as f64 * slot;
    if free > width {
        scene.text((right, y + 9.0), text, NOTE, palette::MUTED, Anchor::End);
    }
}

/// Whole numbers below the last histogram.
fn axis(scene: &mut Scene, bins: Bins, bars: (f64, f64), y: f64) -> f64 {
    let slot = (bars.1 - bars.0) / bins.bins as f64;
    let step = {
        // As far apart as their labels are wide.
        let widest = font::width(&(bins.bins.saturating_mul(bins.width)).to_string(), NOTE) + 12.0;
        let per_bin = (widest / slot).ceil().max(1.0) as u64;
        round_up(per_bin)
    };
    let middle = |bin: u64| {
        let within = if bins.width == 1 { slot.min(40.0) / 2.0 } else { 0.0 };
        bars.0 + slot * bin as f64 + within
    };
    let mut end = bars.1;
    if bins.open {
        let last = bins.bins - 1;
        let text = format!("≥ {}", last.saturating_mul(bins.width));
        let width = font::width(&text, NOTE);
        let x = (bars.0 + slot * (last as f64 + 0.5)).min(bars.1 - width / 2.0);
        scene.text((x, y + 16.0), text, NOTE, palette::MUTED, Anchor::Middle);
        end = x - width / 2.0 - 10.0;
    }
    for bin in (0..bins.bins - u64::from(bins.open)).step_by(step as usize) {
        let text = bin.saturating_mul(bins.width).to_string();
        let (x, half) = (middle(bin), font::width(&text, NOTE) / 2.0);
        let middle = x.max(bars.0 - 10.0 + half);
        if middle + half < end {
            scene.line(&[(x, y), (x, y + 4.0)], palette::MUTED, 1.0);
            scene.text((middle, y + 16.0), text, NOTE, palette::MUTED, Anchor::Middle);
        }
    }
    let label = font::fitted("staleness: versions of the model in between", NOTE, scene.width);
    let anchor = Anchor::End;
    scene.text((bars.1, y + 33.0), label, NOTE, palette::INK, anchor);
    y + 38.0
}

/// The least of 1, 2, 5, 10, 20, ... that is at least `number`.
fn round_up(number: u64) -> u64 {
    let mut decade = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let candidate = decade.saturating_mul(factor);
            if candidate >= number {
                return candidate;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

fn caption(bins: Bins, any_discarded: bool) -> String {
    let discarded = if any_discarded {
        " Updates staler than the scenario's bound are discarded: their devices have worked in vain."
    } else {
        ""
    };
    let wide = match bins.width {
        1 => String::new(),
        width => format!(" A bar is {}, from the number below it on.", count(width, "version")),
    };
    let wide = match bins.open {
        true => format!("{wide} The last bar holds all that is staler still."),
        false => wide,
    };
    format!(
        "Devices are asked while others are at work, so the model moves on in the meantime. The \
         staleness of an update is the number of versions of the model between the one that its \
         device was given and the one that it made or would have made: 0 is as fresh as in a \
         synchronous round. Stale updates point where an older model should have gone; who is \
         slow is stale, and counts for less or not at all.{discarded} Bars are shares of the \
         updates of one algorithm that arrived, all seeds together, each algorithm to its own \
         tallest bar.{wide}"
    )
}

#[cfg(test)]
mod tests {
    use super::{Bins, round_up};
    use crate::records::Histogram;

    #[test]
    fn bars_are_as_many_as_there_is_room_for() {
        let bins = |width, bins, open| Bins { width, bins, open };
        assert_eq!(Bins::of(0, 0, 40), bins(1, 1, false));
        assert_eq!(Bins::of(39, 39, 40), bins(1, 40, false));
        assert_eq!(Bins::of(40, 40, 40), bins(2, 21, false));
        assert_eq!(Bins::of(399, 399, 40), bins(10, 40, false));
        assert_eq!(Bins::of(2500, 2500, 40), bins(100, 26, false));
        assert!(Bins::of(u64::MAX, u64::MAX, 40).bins <= 40);
        let counts: Histogram = [0, 1, 2, 3, 3, 40].into_iter().collect();
        let filled = Bins::of(40, 40, 40).fill(&counts);
        assert_eq!((filled[0], filled[1], filled[20]), (2, 3, 1));
        assert_eq!(filled.iter().sum::<u64>(), counts.total());
    }

    #[test]
    fn a_long_tail_is_one_bar() {
        let counts: Histogram = [0, 1, 2, 3, 3, 40].into_iter().collect();
        let bins = Bins::of(40, 3, 40);
        assert_eq!(bins, Bins { width: 1, bins: 5, open: true });
        assert_eq!(bins.fill(&counts), [1, 1, 1, 2, 1]);
        assert_eq!(Bins::of(6, 3, 40), Bins { width: 1, bins: 7, open: false });
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([1, 2, 3, 6, 11, 99].map(round_up), [1, 2, 5, 10, 20, 100]);
    }
}
