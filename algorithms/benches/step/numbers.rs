use indexmap::IndexMap;
use rustix::time::{ClockId, clock_gettime};

/// Seconds that this thread spends on the processor.
pub(crate) fn on_processor<T>(work: impl FnOnce() -> T) -> f64 {
    let start = spent();
    std::hint::black_box(work());
    spent() - start
}

fn spent() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Seconds of each contestant, turn by turn.
#[derive(Debug, Default)]
pub(crate) struct Numbers(IndexMap<String, Vec<f64>>);

impl Numbers {
    pub(crate) fn add(&mut self, name: &str, seconds: f64) {
        self.0.entry(name.to_owned()).or_default().push(seconds);
    }

    pub(crate) fn append(&mut self, other: Self) {
        for (name, values) in other.0 {
            self.0.entry(name).or_default().extend(values);
        }
    }

    /// The median of a contestant's turns.
    pub(crate) fn median(&self, name: &str) -> f64 {
        median(self.0[name].clone())
    }

    /// The median, the least and the greatest of what `of` makes of the turns of one round.
    pub(crate) fn paired<const N: usize>(
        &self,
        names: [&str; N],
        of: impl Fn([f64; N]) -> f64,
    ) -> [f64; 3] {
        let turns = names.map(|name| &self.0[name]);
        let mut found: Vec<f64> =
            (0..turns[0].len()).map(|i| of(turns.map(|turns| turns[i]))).collect();
        found.sort_by(f64::total_cmp);
        [median(found.clone()), found[0], found[found.len() - 1]]
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
