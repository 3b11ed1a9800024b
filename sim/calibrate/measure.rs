use std::{hint::black_box, time::Instant};

use burn::tensor::{Tensor, TensorData};
use fleetune_models::backend::Backend;
use fleetune_units::{BytesPerSecond, FlopsPerSecond, Seconds};

use super::{
    Calibration, ModelTimes, StepTimes,
    statistics::Spread,
    subject::{BATCH, Method, Size, step},
};

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Timings of each kind.
    pub repetitions: usize,
    /// Values of the vectors that are streamed; 16 Mi fill 64 MiB, more than caches hold.
    pub streamed: usize,
}

impl Pace {
    /// So many timings.
    pub fn new(repetitions: usize) -> Self {
        Self { repetitions, streamed: 16 << 20 }
    }
}

/// Measures on the thread that calls, which should have the host to itself.
///
/// Kinds of timings take turns, so that what else the host does meets all of them alike.
pub fn measure(processor: String, sizes: &[Size], pace: Pace) -> Calibration {
    let mut bandwidth = Vec::new();
    let mut streams = [vec![1.0_f32; pace.streamed], vec![2.0_f32; pace.streamed]];
    let mut benches: Vec<Bench> = sizes.iter().map(|&size| Bench::new(size)).collect();
    for repetition in 0..=pace.repetitions {
        let moved = 12.0 * pace.streamed as f64;
        let streamed = timed(|| stream(&mut streams));
        // The first of all warms caches, and counts for nothing.
        if repetition > 0 {
            bandwidth.push(BytesPerSecond::from_raw(moved / streamed.get()));
        }
        benches.iter_mut().for_each(|bench| bench.run(repetition > 0));
    }
    Calibration {
        processor,
        repetitions: pace.repetitions,
        models: benches.into_iter().map(Bench::times).collect(),
        bandwidth: Spread::of(bandwidth),
    }
}

/// One model's timings.
struct Bench {
    size: Size,
    products: Vec<[Tensor<2>; 2]>,
    speeds: Vec<FlopsPerSecond>,
    steps: Vec<(Method, Vec<Seconds>)>,
}

impl Bench {
    fn new(size: Size) -> Self {
        let device = Backend::default().device();
        let matrix = |rows: usize, columns: usize| {
            let values: Vec<f32> = (0..rows * columns).map(|i| (i % 13) as f32 * 0.01).collect();
            Tensor::from_data(TensorData::new(values, [rows, columns]), &device)
        };
        let products = shapes(size).into_iter().map(|[m, k, n]| [matrix(m, k), matrix(k, n)]);
        let steps = Method::ALL.map(|method| (method, Vec::new())).to_vec();
        Self { size, products: products.collect(), speeds: Vec::new(), steps }
    }

    fn run(&mut self, counts: bool) {
        let flops: usize = shapes(self.size).iter().map(|[m, k, n]| 2 * m * k * n).sum();
        // One layer of a small model is over in a fraction of a millisecond.
        let rounds = (200_000_000 / flops).max(1);
        let time = timed(|| {
            for _ in 0..rounds {
                for [a, b] in &self.products {
                    black_box(a.clone().matmul(b.clone()));
                }
            }
        });
        if counts {
            self.speeds.push(FlopsPerSecond::from_raw((rounds * flops) as f64 / time.get()));
        }
        for (method, times) in &mut self.steps {
            let server = self.size.server(*method, Backend::default());
            let job = step(server.as_ref()).job;
            let time = timed(|| drop(black_box(job())));
            if counts {
                times.push(time);
            }
        }
    }

    fn times(self) -> ModelTimes {
        let steps = self.steps.into_iter();
        let steps = steps.map(|(method, times)| StepTimes { method, measured: Spread::of(times) });
        ModelTimes { size: self.size, products: Spread::of(self.speeds), steps: steps.collect() }
    }
}

/// The products of one layer with its weights, as `m x k` by `k x n`: what a forward mostly is.
fn shapes(size: Size) -> Vec<[usize; 3]> {
    let (rows, d, f) = (BATCH[0] * BATCH[1], size.width, 4 * size.width);
    vec![[rows, d, d], [rows, d, d], [rows, d, d], [rows, d, d], [rows, d, f], [rows, f, d]]
}

/// `y += a x`, as updates do.
fn stream([x, y]: &mut [Vec<f32>; 2]) {
    for (y, x) in y.iter_mut().zip(x.iter()) {
        *y += 1.0e-3 * x;
    }
    black_box(y);
}

#[expect(
    clippy::disallowed_methods,
    reason = "calibration is about the host's clock; nothing simulated depends on it"
)]
fn timed(work: impl FnOnce()) -> Seconds {
    let start = Instant::now();
    work();
    Seconds::from_raw(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use fleetune_models::{cost::CostModel, parameters::Trainable};

    use super::*;

    /// All products of a layer but those of attention, which has no weights.
    #[test]
    fn the_products_that_are_timed_are_those_of_a_layer() {
        for size in Size::ALL {
            let timed: usize = shapes(size).iter().map(|[m, k, n]| 2 * m * k * n).sum();
            let cost = CostModel::of(&size.encoder(), 4, Trainable::Full);
            let layer = cost.pass(1..2, BATCH, false).forward.products;
            let attention = 4 * (BATCH[0] * BATCH[1] * BATCH[1] * size.width) as u128;
            assert_eq!(timed as u128, layer - attention, "{size}");
        }
    }

    #[test]
    fn streaming_adds() {
        let mut vectors = [vec![1000.0_f32; 3], vec![2.0; 3]];
        stream(&mut vectors);
        assert_eq!(vectors[1], [3.0; 3]);
    }
}
