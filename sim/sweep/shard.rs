use std::{fmt, str::FromStr};

/// One of several processes that share the cells of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: usize,
    /// At least 1.
    count: usize,
}

impl Shard {
    /// The one process that runs all.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether a study's cell number `place`, by trial and then by seed, is this one's: every shard has as many as any
    /// other, or one more.
    pub fn has(self, place: usize) -> bool {
        place % self.count == self.index
    }
}

/// As on the command line: `2/8` is the second of eight.
impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((number, count)) if (1..=count).contains(&number) => {
                Ok(Self { index: number - 1, count })
            }
            _ => {
                Err("expected NUMBER/COUNT, such as 1/4, 2/4, 3/4 and 4/4 for four shards"
                    .to_owned())
            }
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_one_shards() {
        for count in 1..7 {
            let shards: Vec<Shard> =
                (1..=count).map(|n| format!("{n}/{count}").parse().unwrap()).collect();
            for place in 0..40 {
                assert_eq!(shards.iter().filter(|shard| shard.has(place)).count(), 1);
            }
            let load = |shard: &Shard| (0..40).filter(|&place| shard.has(place)).count();
            let loads: Vec<usize> = shards.iter().map(load).collect();
            assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn shards_are_numbered_from_one() {
        for wrong in ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/ 4"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!("1/1".parse(), Ok(Shard::WHOLE));
        assert_eq!("3/4".parse::<Shard>().unwrap().to_string(), "3/4");
    }
}
