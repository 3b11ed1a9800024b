use clap::Args;
use fleetune_devices::{Precision, Profiles};

use super::{Failure, say, table::Table};

/// Arguments of `devices`.
#[derive(Debug, Args)]
pub(super) struct Devices {
    /// Print this profile in full, with its sources.
    #[arg(value_name = "PROFILE")]
    profile: Option<String>,
}

impl Devices {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let profiles =
            Profiles::shipped().map_err(|e| Failure::Invariant(format!("error: {e}")))?;
        if let Some(name) = &self.profile {
            let profile = profiles.get(name).ok_or_else(|| {
                let known = profiles.names().collect::<Vec<_>>().join(", ");
                Failure::Usage(format!("error: no profile `{name}`: expected one of {known}"))
            })?;
            let text = serde_yaml::to_string(&**profile)
                .map_err(|e| Failure::Invariant(format!("error: {e}")))?;
            return say(&text);
        }
        let mut table = Table::new(&[
            "profile",
            "such as",
            "sustained f32",
            "memory budget",
            "bandwidth",
            "down",
            "up",
            "computing",
        ]);
        for profile in profiles.iter() {
            let compute = &profile.compute;
            table.row([
                profile.name.to_string(),
                shortened(&profile.description),
                (compute.peak.of(Precision::F32) * compute.efficiency.get()).human().to_string(),
                profile.memory.budget.human().to_string(),
                profile.memory.bandwidth.human().to_string(),
                profile.link.downlink.human().to_string(),
                profile.link.uplink.human().to_string(),
                profile.power.compute.human().to_string(),
            ]);
        }
        say(&table.to_string())?;
        say("\nfleetune devices PROFILE prints one in full, with its sources.\n")
    }
}

/// The device that a description names first.
fn shortened(text: &str) -> String {
    let end = [" (", ", ", " with "].iter().filter_map(|end| text.find(end)).min();
    text[..end.unwrap_or(text.len())].to_owned()
}
