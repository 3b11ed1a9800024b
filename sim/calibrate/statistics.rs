/// The middle of repeated measurements, and how far the middle half of them reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread<T> {
    /// The lower quartile.
    pub low: T,
    /// The median.
    pub median: T,
    /// The upper quartile.
    pub high: T,
}

impl<T: PartialOrd + Copy> Spread<T> {
    /// Of at least one value. Quartiles are values that occurred, the nearest from below to a quarter and to half of the
    /// way, from above to three quarters: of an even number the median is the lower of the two in the middle.
    ///
    /// # Panics
    /// If there is none: whoever measures, measures once.
    pub fn of(mut values: Vec<T>) -> Self {
        assert!(!values.is_empty(), "nothing was measured");
        values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let last = values.len() - 1;
        Self { low: values[last / 4], median: values[last / 2], high: values[last - last / 4] }
    }

    /// The same of what follows from each value; `low` and `high` change places if it falls as they grow.
    pub fn map<U: PartialOrd + Copy>(self, follows: impl Fn(T) -> U) -> Spread<U> {
        let [low, median, high] = [self.low, self.median, self.high].map(follows);
        match low <= high {
            true => Spread { low, median, high },
            false => Spread { low: high, median, high: low },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_those_of_the_sorted_values() {
        let of = |values: &[i32]| {
            let Spread { low, median, high } = Spread::of(values.to_vec());
            [low, median, high]
        };
        assert_eq!(of(&[7]), [7, 7, 7]);
        assert_eq!(of(&[5, 1, 4, 2, 3]), [2, 3, 4]);
        assert_eq!(of(&[9, 1, 8, 2, 7, 3, 6, 4, 5]), [3, 5, 7]);
        assert_eq!(of(&[4, 3, 2, 1]), [1, 2, 4]);
    }

    #[test]
    fn a_rate_turns_the_ends_around() {
        let times = Spread { low: 2.0, median: 4.0, high: 8.0 };
        assert_eq!(times.map(|t| 8.0 / t), Spread { low: 1.0, median: 2.0, high: 4.0 });
        assert_eq!(times.map(|t| t / 2.0), Spread { low: 1.0, median: 2.0, high: 4.0 });
    }
}
