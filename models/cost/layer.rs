use super::{BatchShape, CostModel, PassCost, elementwise, product};
use crate::{
    ledger::{Cost, ops},
    parameters::Trainable,
};

/// What trains in a layer.
#[derive(Clone, Copy)]
struct Trains {
    weights: bool,
    biases: bool,
    shifts: bool,
    adapters: bool,
}

impl Trains {
    fn new(choice: Trainable, backward: bool) -> Self {
        let all = matches!(choice, Trainable::Full | Trainable::Layers);
        let plain = all || choice == Trainable::Bitfit;
        Self {
            weights: backward && all,
            biases: backward && plain,
            shifts: backward && plain,
            adapters: backward && matches!(choice, Trainable::Lora { .. }),
        }
    }

    fn any(self) -> bool {
        self.weights || self.biases || self.adapters
    }
}

/// Counts `cost` as many times as conditions hold.
fn each(cost: Cost, conditions: &[bool]) -> Cost {
    cost * conditions.iter().filter(|&&c| c).count() as u64
}

impl CostModel {
    /// One layer, given whether gradients flow into it; also says whether it trains.
    pub(super) fn layer(
        &self,
        [b, s]: BatchShape,
        flowing: bool,
        backward: bool,
    ) -> (PassCost, bool) {
        let c = &self.encoder;
        let [t, d, f, h] =
            [b * s, c.hidden_size, c.intermediate_size, c.num_attention_heads].map(|x| x as u64);
        let [b, s, r] = [b as u64, s as u64, self.adapter()];
        let pairs = b * h * s * s;
        let trains = Trains::new(self.train, backward);
        let adapted = u64::from(r > 0);

        let square = product(1, t, d, d);
        let (up, down) = (product(1, t, d, f), product(1, t, f, d));
        let (into, out_of) = (product(1, t, d, r), product(1, t, r, d));
        let attention = product(b * h, s, d / h, s) + product(b * h, s, s, d / h);
        let bias = elementwise(t * d, ops::ADD, 0);
        let wide_bias = elementwise(t * f, ops::ADD, 0);
        let low_rank = elementwise(t * d, ops::LORA_ADD, 3);
        let softmax = elementwise(pairs, ops::SCALE_MASK, 2) + elementwise(pairs, ops::SOFTMAX, 2);
        let residual = elementwise(t * d, ops::ADD, 3);
        let norm = elementwise(t * d, ops::LAYER_NORM, 2);
        let gelu = elementwise(t * f, ops::GELU, 2);

        let forward = square * 4
            + (into + out_of + low_rank) * (2 * adapted)
            + attention
            + up
            + down
            + bias * 5
            + wide_bias
            + softmax
            + (residual + norm) * 2
            + gelu;

        // Gradients flow into the projections' outputs if something below or in the projection trains.
        let w = trains.weights;
        let plain = flowing || w || trains.biases;
        let adapted_flow = plain || trains.adapters;
        let a = trains.adapters;
        let mut owed = each(square, &[flowing, flowing, flowing, w, w, w]);
        owed += each(bias * 2, &[plain, plain, plain]);
        owed += each(into * 2, &[a, a && flowing]) + each(out_of * 4 + low_rank * 4, &[a]);
        let half = product(b * h, s, d / h, s);
        let other = product(b * h, s, s, d / h);
        owed += each(half, &[adapted_flow, plain]) + each(other, &[adapted_flow, adapted_flow]);
        owed += each(softmax * 2, &[adapted_flow]);
        // From the attention's output on, gradients flow if they did anywhere before.
        let after = adapted_flow;
        owed += each(square, &[after, w]) + each(bias * 2, &[after]);
        owed += each(residual * 2 + norm * 2, &[after, after]);
        owed += each(up, &[after, w]) + each(down, &[after, w]);
        owed += each(wide_bias * 2 + gelu * 2, &[after]) + each(bias * 2, &[after]);

        let keep = |elements: u64, conditions: &[bool]| {
            elements * conditions.iter().filter(|&&c| c).count() as u64
        };
        let kept = keep(t * d, &[w || a, w, w || a])
            + keep(t * r, &[a, a])
            + keep(t * d, &[plain, adapted_flow])
            + keep(pairs, &[adapted_flow])
            + keep(t * d, &[adapted_flow])
            + keep(t * d, &[w, w])
            + keep(t * d, &[after || trains.shifts; 2])
            + keep(t * f, &[after, w]);

        let peak = (4 * t * d + r * t).max(4 * t * d + pairs).max(2 * t * d + t * f);
        (PassCost { forward, backward: owed, peak, kept }, trains.any())
    }
}
