//! Accuracy along a resource, over seeds.

use crate::{reader::Run, statistics::Resource};

/// The curve of one seed: amounts used so far and accuracy, from the start on.
pub(crate) type Curve = Vec<(f64, f64)>;

/// The curves of an algorithm's seeds, and where each first met the target.
pub(crate) fn curves(run: &Run, algorithm: &str, resource: Resource) -> (Vec<Curve>, Curve) {
    let cells = run.summary.cells.iter().filter(|c| c.algorithm == algorithm);
    let (mut curves, mut hits) = (Vec::new(), Vec::new());
    for cell in cells {
        let start = run.details.starts.iter().find(|s| s.seed == cell.seed);
        let mut curve = start.map(|s| (0.0, s.accuracy)).into_iter().collect::<Vec<_>>();
        let records = run.rounds.iter().filter(|r| r.algorithm == algorithm && r.seed == cell.seed);
        let points = records.map(|r| (resource.used(r), r.accuracy)).collect::<Vec<_>>();
        hits.extend(points.iter().find(|p| p.1 >= run.summary.target_accuracy));
        curve.extend(points);
        if !curve.is_empty() {
            curves.push(curve);
        }
    }
    (curves, hits)
}

/// The mean curve and the band between the lowest and the highest seed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Band {
    pub(crate) mean: Curve,
    pub(crate) low: Curve,
    pub(crate) high: Curve,
    /// What each seed's curve goes on with after the shortest one has ended.
    pub(crate) tails: Vec<Curve>,
}

/// Averages `curves` at the amounts `grid` up to the end of the shortest: beyond it, a mean would
/// be one of other seeds. Between evaluations, curves are straight lines.
pub(crate) fn band(curves: &[Curve], grid: impl Fn(&[f64]) -> Vec<f64>) -> Band {
    let ends = curves.iter().filter_map(|c| c.last()).map(|p| p.0);
    let end = ends.fold(f64::INFINITY, f64::min);
    let mut all = curves.iter().flatten().map(|p| p.0).filter(|x| *x <= end).collect::<Vec<_>>();
    all.sort_by(f64::total_cmp);
    all.dedup();
    let mut band = Band { mean: vec![], low: vec![], high: vec![], tails: vec![] };
    for x in grid(&all) {
        let ys = curves.iter().map(|c| height(c, x)).collect::<Vec<_>>();
        band.mean.push((x, ys.iter().sum::<f64>() / ys.len().max(1) as f64));
        band.low.push((x, ys.iter().copied().fold(f64::INFINITY, f64::min)));
        band.high.push((x, ys.iter().copied().fold(f64::NEG_INFINITY, f64::max)));
    }
    for curve in curves {
        let mut tail = vec![(end, height(curve, end))];
        tail.extend(curve.iter().filter(|p| p.0 > end));
        if tail.len() > 1 {
            band.tails.push(tail);
        }
    }
    band
}

/// The accuracy of a curve at `x`, by straight lines between its points.
fn height(curve: &Curve, x: f64) -> f64 {
    let after = curve.partition_point(|p| p.0 <= x);
    match (after.checked_sub(1).map(|i| curve[i]), curve.get(after)) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0),
        (Some(a), None) => a.1,
        (None, Some(b)) => b.1,
        (None, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_end_with_the_shortest_seed_and_tails_go_on() {
        let curves = [vec![(0.0, 0.5), (10.0, 0.7)], vec![(0.0, 0.5), (5.0, 0.5), (20.0, 0.8)]];
        let band = band(&curves, <[f64]>::to_vec);
        assert_eq!(band.mean.iter().map(|p| p.0).collect::<Vec<_>>(), [0.0, 5.0, 10.0]);
        assert!((band.mean[2].1 - 0.65).abs() < 1e-12);
        assert_eq!((band.low[1].1, band.high[1].1), (0.5, 0.6));
        assert_eq!(band.tails, [vec![(10.0, 0.6), (20.0, 0.8)]]);
    }
}
