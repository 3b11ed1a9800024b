//! Differential privacy of what clients send: clipping, Gaussian noise, and an accountant of what they prove.
//!
//! The unit of privacy is a client. Neighbouring fleets differ by one client that is there or not, with all its data
//! and all its participations; an (ε, δ) guarantee says how much of any conclusion from all the server's models can
//! depend on that one client (McMahan et al. 2018).
//!
//! # The mechanism
//!
//! In each round every client's whole update u is clipped, u min(1, C / |u|₂), so that the **sum** of the cohort's
//! updates moves by at most C with any one client; Gaussian noise with standard deviation σ C on each coordinate of
//! that sum hides the move. [`NoiseSite`] says who adds it. What this asks of an algorithm:
//!
//! * the update is the **difference** from the model that the client was given, not the trained parameters;
//! * the server adds updates with **equal weights** and divides by the cohort that was planned, not by what arrived or
//!   by numbers of examples, which would reveal who took part and give some clients more than C;
//! * scalars along directions that each client draws for itself (FedSPZO's and MeZO's) are not summed as scalars:
//!   either clients send dense changes, or all share directions;
//! * an encoding comes after the clipping and may lengthen a clipped update, above all with error feedback: the server
//!   clips what it has decoded ([`clip`]) and then adds the noise. With noise at the clients there is no encoding: a sum
//!   of shares that were rounded or cut one by one does not hide anyone as the plain sum does;
//! * a client whose update is not finite counts as zero, and no round ends or fails because of one client's update.
//!
//! # What the accountant assumes
//!
//! Rényi differential privacy of the **Poisson**-subsampled Gaussian mechanism (Mironov, Talwar and Zhang 2019): every
//! client takes part in every round with probability q, independently. fleetune's cohorts are not drawn so. They are
//! uniform without replacement, for which Poisson sampling is the usual stand-in and not a bound; worse, who can be
//! drawn depends on availability, charge and memory, and which of those drawn count depends on speed. Participation
//! that follows from what a device is, or when its owner sleeps, is **not random sampling** and hides nobody, so
//! amplification by sampling is **optimistic** here. The figure that holds without any such assumption is the one at
//! sampling rate 1, where every client is taken to send in every round: report it beside the other. In between, the
//! rate must count all who are asked, over-commitment included, against those who could have been asked at that time.
//!
//! The guarantee is that of real-valued Gaussians. The simulator's noise has 32-bit floats, tails that end at 5.8
//! standard deviations and a generator that is not cryptographic: right for studying accuracy, not for deployment
//! (Mironov 2012, "On significance of the least significant bits for differential privacy").

mod accountant;
mod mechanism;
mod renyi;
mod revealed;

#[cfg(test)]
mod tests;

pub use self::{
    accountant::{Accountant, Spent, epsilon, noise_multiplier_for},
    mechanism::{client_seed, clip, server_seed},
    revealed::Revealed,
};

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::settings::Positive;

/// Differential privacy of updates. There is no noise without clipping: it would prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct PrivacyConfig {
    /// The most that a client's update may measure, C: the L2 norm over all trainable parameters.
    pub clip: Positive,
    /// Standard deviation of the noise on the sum of a cohort's updates, in units of `clip`: σ, above 0.
    pub noise_multiplier: Positive,
    /// Who adds the noise: `server` or `clients`.
    pub noise: NoiseSite,
    /// The δ at which ε is reported; below 1 / number of clients to mean anything.
    pub delta: Delta,
}

/// [`PrivacyConfig`] as it is written, before it is known that there is a bound.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    clip: Option<Positive>,
    noise_multiplier: Positive,
    noise: NoiseSite,
    delta: Delta,
}

impl TryFrom<Written> for PrivacyConfig {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { clip, noise_multiplier, noise, delta } = written;
        let clip = clip.ok_or(
            "noise without clipping proves nothing, for a single update may be larger than any \
             noise: add `clip`, the most that an update may measure",
        )?;
        Ok(Self { clip, noise_multiplier, noise, delta })
    }
}

/// Who adds the noise, and thus who must be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseSite {
    /// Each client of a cohort of n adds σ C / √n, which makes σ C in the sum. The server need not be trusted with
    /// the noise, but single updates are hidden only √n times less well: it must see none but their sum (secure
    /// aggregation).
    Clients,
    /// The server adds σ C to the sum. It sees every clipped update and is trusted.
    Server,
}

/// The chance with which a guarantee may fail: above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Delta(f64);

impl Delta {
    /// Checks that the value lies between 0 and 1.
    ///
    /// # Errors
    /// A message that says what was expected.
    pub fn new(value: f64) -> Result<Self, String> {
        if value > 0.0 && value < 1.0 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is not allowed here: expected a number above 0 and below 1"))
        }
    }

    /// The value.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
