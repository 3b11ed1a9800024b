//! A vector and a multiple of another one, at the width of the machine's vectors: the same bits at every width.

/// `to = from + by z`, element by element.
///
/// # Panics
/// If the lengths differ.
pub(super) fn displace(to: &mut [f32], from: &[f32], by: f32, z: &[f32]) {
    assert!(to.len() == from.len() && to.len() == z.len(), "vectors of one length");
    pulp::Arch::new().dispatch(Displace { to, from, by, z });
}

/// `values -= step z`, element by element.
///
/// # Panics
/// If the lengths differ.
pub(super) fn descend(values: &mut [f32], step: f32, z: &[f32]) {
    assert_eq!(values.len(), z.len(), "vectors of one length");
    pulp::Arch::new().dispatch(Descend { values, step, z });
}

struct Displace<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
    by: f32,
    z: &'a [f32],
}

impl pulp::NullaryFnOnce for Displace<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((to, &from), &z) in self.to.iter_mut().zip(self.from).zip(self.z) {
            *to = from + self.by * z;
        }
    }
}

struct Descend<'a> {
    values: &'a mut [f32],
    step: f32,
    z: &'a [f32],
}

impl pulp::NullaryFnOnce for Descend<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (value, &z) in self.values.iter_mut().zip(self.z) {
            *value -= self.step * z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{noise::fill_normal, widths::assert_same_bits};

    #[test]
    fn every_width_gives_the_same_bits() {
        let (mut from, mut z) = (vec![0.0; 1003], vec![0.0; 1003]);
        fill_normal(1, 1, &mut from);
        fill_normal(2, 1, &mut z);
        assert_same_bits(&from, |width, values| width.run(Descend { values, step: 0.1, z: &z }));
        assert_same_bits(&[0.0; 1003], |width, to| {
            width.run(Displace { to, from: &from, by: 0.1, z: &z });
        });
    }

    /// Products are rounded before they are added, whatever the machine could do at once.
    #[test]
    fn they_are_what_one_element_at_a_time_gives() {
        for length in [0, 1, 15, 16, 17, 1000] {
            let (mut from, mut z) = (vec![0.0; length], vec![0.0; length]);
            fill_normal(1, 1, &mut from);
            fill_normal(2, 1, &mut z);
            let by = 1e-3_f32;
            let (mut to, mut values) = (vec![7.0; length], from.clone());
            displace(&mut to, &from, by, &z);
            descend(&mut values, by, &z);
            for i in 0..length {
                let product = std::hint::black_box(by * z[i]);
                assert_eq!(to[i].to_bits(), (from[i] + product).to_bits());
                assert_eq!(values[i].to_bits(), (from[i] - product).to_bits());
            }
        }
    }
}
