use std::fmt;

use fleetune_models::cost::BatchShape;
use serde::{Deserialize, Serialize};

use crate::{meter::Meter, noise::Distribution, work::Tally};

/// How a step perturbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The split: stages 0..=split are the lower part; 0 leaves it empty.
    pub split: usize,
    /// P1: perturbations of the lower part.
    pub lower: u32,
    /// P2: perturbations of the upper part; with [`Variant::Joint`], under each of the lower.
    pub upper: u32,
    /// What the two parts are perturbed against.
    pub variant: Variant,
    /// What the differences are taken between.
    pub difference: Difference,
    /// The law of the directions.
    pub distribution: Distribution,
}

/// What the two parts of a split model are perturbed against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The upper part under every perturbation of the lower: each loss serves both.
    #[default]
    Joint,
    /// Each part with the other one at rest: the estimates do not disturb each other, but the lower part's
    /// perturbations need passes through the upper of their own.
    Separate,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joint => "joint",
            Self::Separate => "separate",
        })
    }
}

/// What differences of losses are taken between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// `(L(θ + εz) - L(θ - εz)) / 2ε`: an error of the order ε².
    #[default]
    TwoSided,
    /// `(L(θ + εz) - L(θ)) / ε`: an error of the order ε, for half the passes.
    OneSided,
}

impl Plan {
    /// Two-sided joint perturbation with Gaussian directions: what the papers do.
    pub fn joint(split: usize, lower: u32, upper: u32) -> Self {
        Self {
            split,
            lower,
            upper,
            variant: Variant::Joint,
            difference: Difference::TwoSided,
            distribution: Distribution::Gaussian,
        }
    }

    /// Projected gradients per step: P1 P2 if joint, P1 + P2 if separate.
    pub fn scalars(&self) -> usize {
        match self.variant {
            Variant::Joint => self.lower as usize * self.upper as usize,
            Variant::Separate => self.lower as usize + self.upper as usize,
        }
    }

    /// Directions of the lower part, P1, and of the upper: P1 P2 if joint, P2 if separate.
    pub fn directions(&self) -> [usize; 2] {
        let [lower, upper] = [self.lower as usize, self.upper as usize];
        match self.variant {
            Variant::Joint => [lower, lower * upper],
            Variant::Separate => [lower, upper],
        }
    }

    /// Forwards of the lower part and of the upper part in a step.
    pub fn forwards(&self) -> [u64; 2] {
        let [p1, p2] = [u64::from(self.lower), u64::from(self.upper)];
        match (self.variant, self.difference) {
            (Variant::Joint, Difference::TwoSided) => [2 * p1, 2 * p1 * p2],
            (Variant::Joint, Difference::OneSided) => [1 + p1, 1 + p1 * p2],
            (Variant::Separate, Difference::TwoSided) => [1 + 2 * p1, 2 * (p1 + p2)],
            (Variant::Separate, Difference::OneSided) => [1 + p1, 1 + p1 + p2],
        }
    }

    /// Passes over a part's parameters for each of its directions: there, across if two-sided, and back.
    pub(crate) fn passes(&self) -> u64 {
        match self.difference {
            Difference::TwoSided => 3,
            Difference::OneSided => 2,
        }
    }

    /// Boundary activations kept at once beside a pass's own: those of both sides if joint and two-sided, that of the
    /// point at rest if separate, that of one side otherwise; none without a lower part.
    pub fn boundaries(&self) -> u64 {
        match (self.split, self.variant, self.difference) {
            (0, ..) => 0,
            (_, Variant::Joint, Difference::TwoSided) => 2,
            _ => 1,
        }
    }

    /// Adds what one step's evaluation costs on a mini-batch of this shape, in closed form.
    pub(crate) fn charge_evaluation(&self, tally: &mut Tally, meter: &Meter, shape: BatchShape) {
        let border = Meter::border(self.split);
        let [lower, upper] = self.forwards();
        tally.passes(meter.pass(0..border, shape, false), lower);
        tally.passes(meter.pass(border..meter.end(), shape, false), upper);
        self.charge_perturbations(tally, meter);
    }

    /// Adds the passes over the parameters that a step's evaluation makes.
    pub(crate) fn charge_perturbations(&self, tally: &mut Tally, meter: &Meter) {
        for (part, directions) in self.over(meter) {
            tally.prepare(self.distribution, part, directions);
            tally.perturb(self.distribution, part, self.passes() * directions);
        }
    }

    /// Adds the passes of one step's update: one for every direction.
    pub(crate) fn charge_update(&self, tally: &mut Tally, meter: &Meter) {
        for (part, directions) in self.over(meter) {
            tally.update_with_noise(self.distribution, part, directions);
        }
    }

    /// Adds what replaying `steps` steps of others costs: their directions are made, and every one is added once.
    pub(crate) fn charge_replay(&self, tally: &mut Tally, meter: &Meter, steps: u64) {
        for (part, directions) in self.over(meter) {
            tally.prepare(self.distribution, part, directions * steps);
            tally.update_with_noise(self.distribution, part, directions * steps);
        }
    }

    /// The parts' elements, and the directions over each.
    fn over(&self, meter: &Meter) -> [(usize, u64); 2] {
        let ([lower, upper], [of_lower, of_upper]) = (meter.parts(self.split), self.directions());
        [(lower, of_lower as u64), (upper, of_upper as u64)]
    }
}
