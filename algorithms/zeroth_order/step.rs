use super::{Difference, Plan, StepDirections, Variant};

/// A displacement `by z` of a part's parameters.
pub type Along<'a> = (&'a [f32], f64);

/// A loss over parameters in two parts, of which the lower can be evaluated alone.
pub trait SplitLoss {
    /// What the lower part hands to the upper.
    type Boundary;

    /// The lower part at `θ1 + by z`, or at θ1.
    fn lower(&mut self, along: Option<Along<'_>>) -> Self::Boundary;

    /// The loss, from what the lower part gave, with the upper part at `θ2 + by z`, or at θ2.
    fn loss(&mut self, boundary: &Self::Boundary, along: Option<Along<'_>>) -> f64;
}

/// The projected gradients of one step, as sent over the wire: if joint, `[P1 P2]` values, p-major; if separate, P1 of
/// the lower part and then P2 of the upper.
pub fn project<L: SplitLoss>(
    loss: &mut L,
    plan: Plan,
    epsilon: f64,
    directions: &StepDirections,
) -> Vec<f32> {
    let of = Estimate { plan, epsilon, directions };
    match plan.variant {
        Variant::Joint => of.joint(loss),
        Variant::Separate => of.separate(loss),
    }
}

struct Estimate<'a> {
    plan: Plan,
    epsilon: f64,
    directions: &'a StepDirections,
}

impl Estimate<'_> {
    fn joint<L: SplitLoss>(&self, loss: &mut L) -> Vec<f32> {
        let epsilon = self.epsilon;
        let p2 = self.plan.upper as usize;
        let two_sided = self.plan.difference == Difference::TwoSided;
        let at_rest = (!two_sided).then(|| {
            let boundary = loss.lower(None);
            loss.loss(&boundary, None)
        });
        let mut scalars = Vec::with_capacity(self.plan.scalars());
        for p in 0..self.plan.lower as usize {
            let lower = self.directions.lower(p);
            let above = loss.lower(Some((lower, epsilon)));
            let below = two_sided.then(|| loss.lower(Some((lower, -epsilon))));
            for i in p * p2..(p + 1) * p2 {
                let upper = self.directions.upper(i);
                let plus = loss.loss(&above, Some((upper, epsilon)));
                let minus = below.as_ref().map(|below| loss.loss(below, Some((upper, -epsilon))));
                scalars.push(self.quotient(plus, minus, at_rest));
            }
        }
        scalars
    }

    fn separate<L: SplitLoss>(&self, loss: &mut L) -> Vec<f32> {
        let epsilon = self.epsilon;
        let two_sided = self.plan.difference == Difference::TwoSided;
        let middle = loss.lower(None);
        let at_rest = (!two_sided).then(|| loss.loss(&middle, None));
        let mut upper = Vec::with_capacity(self.plan.scalars());
        for j in 0..self.plan.upper as usize {
            let z = self.directions.upper(j);
            let plus = loss.loss(&middle, Some((z, epsilon)));
            let minus = two_sided.then(|| loss.loss(&middle, Some((z, -epsilon))));
            upper.push(self.quotient(plus, minus, at_rest));
        }
        let mut scalars = Vec::with_capacity(self.plan.scalars());
        for p in 0..self.plan.lower as usize {
            let mut side = |by| {
                let boundary = loss.lower(Some((self.directions.lower(p), by)));
                loss.loss(&boundary, None)
            };
            let plus = side(epsilon);
            let minus = two_sided.then(|| side(-epsilon));
            scalars.push(self.quotient(plus, minus, at_rest));
        }
        scalars.extend(upper);
        scalars
    }

    /// Two-sided with a loss on the other side, one-sided with the loss at rest.
    fn quotient(&self, plus: f64, minus: Option<f64>, at_rest: Option<f64>) -> f32 {
        let slope = match (minus, at_rest) {
            (Some(minus), _) => (plus - minus) / (2.0 * self.epsilon),
            (None, Some(rest)) => (plus - rest) / self.epsilon,
            (None, None) => unreachable!("a difference has two sides"),
        };
        slope as f32
    }
}

#[cfg(test)]
mod tests;
