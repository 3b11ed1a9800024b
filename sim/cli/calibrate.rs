use std::path::{Path, PathBuf};

use clap::Args;
use fleetune_devices::{ProfileName, Profiles};
use fleetune_units::Bytes;

use super::{Failure, say};
use crate::{
    calibrate::{Pace, Size, markdown, measure, profile_of},
    results::cpu_name,
};

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub(super) struct Calibrate {
    /// Write the profile into this file; the default is to print it. A scenario takes it under
    /// `profiles`, by its name.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write a page that holds predicted against measured steps, a Markdown file.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// What the profile is called.
    #[arg(long, value_name = "NAME", default_value = "this-host")]
    name: String,
    /// Take link, power and availability, which are not measured, from this profile.
    #[arg(long, value_name = "PROFILE", default_value = "laptop")]
    like: String,
    /// Repeat every timing so often.
    #[arg(long, value_name = "N", default_value_t = 31, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repetitions: u16,
}

impl Calibrate {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let broken = |error: &dyn std::fmt::Display| Failure::Invariant(format!("error: {error}"));
        let library = Profiles::shipped().map_err(|e| broken(&e))?;
        let like = library.get(&self.like).ok_or_else(|| {
            let known = library.names().collect::<Vec<_>>().join(", ");
            let message = format!("no profile `{}`: expected one of {known}", self.like);
            Failure::Usage(format!("error: --like: {message}"))
        })?;
        let named: Result<ProfileName, _> = serde_yaml::from_value(self.name.as_str().into());
        named.map_err(|e| Failure::Usage(format!("error: --name: {e}")))?;
        // Products of this size gain nothing from a second thread, and a device's step is on one.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let pool = pool.map_err(|e| Failure::Io(format!("error: cannot start a thread: {e}")))?;
        let pace = Pace::new(self.repetitions.into());
        let calibration = pool.install(|| measure(cpu_name(), &Size::ALL, pace));
        let profile =
            profile_of(&calibration, &self.name, installed(), like).map_err(|e| broken(&e))?;
        let text = serde_yaml::to_string(&profile).map_err(|e| broken(&e))?;
        match &self.out {
            Some(path) => put(path, &text)?,
            None => say(&text)?,
        }
        if let Some(path) = &self.page {
            put(path, &markdown(&calibration, &profile).map_err(|e| broken(&e))?)?;
        }
        Ok(())
    }
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|e| Failure::Io(format!("error: cannot write {}: {e}", path.display())))?;
    say(&format!("{}\n", path.display()))
}

/// The memory that is installed, where the system tells it; else 1 GiB.
fn installed() -> Bytes {
    let told = std::fs::read_to_string("/proc/meminfo").ok();
    Bytes::new(told.and_then(|text| memory_in(&text)).unwrap_or(1 << 30))
}

/// `MemTotal` of a `/proc/meminfo`, in bytes.
fn memory_in(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10).filter(|&bytes| bytes > 1)
}

#[cfg(test)]
mod tests {
    use super::memory_in;

    #[test]
    fn installed_memory_is_read_where_it_is_told() {
        let told = "MemFree: 12 kB\nMemTotal:       16318480 kB\nBuffers: 1 kB\n";
        assert_eq!(memory_in(told), Some(16_318_480 << 10));
        assert_eq!([memory_in("MemTotal: many kB"), memory_in("")], [None, None]);
        assert_eq!(memory_in("MemTotal: 0 kB"), None);
    }
}
