//! Energy: piecewise-constant power, integrated exactly at every change.
//!
//! A meter knows one power at a time. Whenever the power or the purpose changes, the energy since
//! the last change, power x elapsed time, goes to an account. Work on a round is *open* until its
//! fate is known, then useful or wasted; the rest is background. At every moment
//!
//! `total = background + open + useful + wasted`.

use std::ops::Add;

use fleetune_units::{Joules, Seconds, Watts};
use serde::{Deserialize, Serialize};

pub use crate::moment::{Moment, TimeWentBack};

/// On whose behalf power is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// No round: idling.
    #[default]
    Background,
    /// A round whose outcome is not known yet.
    Round,
}

/// What became of the work of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its update was aggregated.
    Useful,
    /// It was dropped, late, lost the over-commitment race, or its device left.
    Wasted,
}

/// Energy by account.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Outside any round.
    pub background: Joules,
    /// In rounds whose outcome is not known yet.
    pub open: Joules,
    /// In rounds whose update was aggregated.
    pub useful: Joules,
    /// In rounds whose work was lost.
    pub wasted: Joules,
}

impl Accounts {
    /// The sum of all accounts.
    pub fn total(&self) -> Joules {
        self.background + self.open + self.useful + self.wasted
    }

    /// What rounds cost, whatever became of them: all but the background.
    pub fn rounds(&self) -> Joules {
        self.open + self.useful + self.wasted
    }
}

impl Add for Accounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            background: self.background + other.background,
            open: self.open + other.open,
            useful: self.useful + other.useful,
            wasted: self.wasted + other.wasted,
        }
    }
}

/// Integrates one device's power. 56 bytes of plain data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meter {
    since: Moment,
    power: Watts,
    purpose: Purpose,
    accounts: Accounts,
}

impl Meter {
    /// A meter that reads zero at `start` and then draws `power` in the background.
    pub fn new(start: Moment, power: Watts) -> Self {
        Self { since: start, power, purpose: Purpose::Background, accounts: Accounts::default() }
    }

    /// From `at` on, `power` is drawn for `purpose`.
    ///
    /// # Errors
    /// `at` is before the last change; the meter is unchanged.
    pub fn set(&mut self, at: Moment, power: Watts, purpose: Purpose) -> Result<(), TimeWentBack> {
        self.advance(at)?;
        (self.power, self.purpose) = (power, purpose);
        Ok(())
    }

    /// Closes the round that is open at `at`: all its energy so far becomes useful or wasted.
    ///
    /// # Errors
    /// `at` is before the last change; the meter is unchanged.
    pub fn settle(&mut self, at: Moment, outcome: Outcome) -> Result<(), TimeWentBack> {
        self.advance(at)?;
        let open = std::mem::take(&mut self.accounts.open);
        match outcome {
            Outcome::Useful => self.accounts.useful += open,
            Outcome::Wasted => self.accounts.wasted += open,
        }
        Ok(())
    }

    /// What every account holds at `at`, without changing the meter.
    ///
    /// # Errors
    /// `at` is before the last change.
    pub fn read(&self, at: Moment) -> Result<Accounts, TimeWentBack> {
        let mut meter = self.clone();
        meter.advance(at)?;
        Ok(meter.accounts)
    }

    /// The power drawn now.
    pub const fn power(&self) -> Watts {
        self.power
    }

    /// How long after the last change another `energy` will have been drawn, if nothing changes;
    /// `None` if never. For battery crossings, which are solved for and never polled.
    pub fn time_to_draw(&self, energy: Joules) -> Option<Seconds> {
        let time = energy / self.power;
        time.get().is_finite().then_some(time)
    }

    fn advance(&mut self, at: Moment) -> Result<(), TimeWentBack> {
        let elapsed =
            at.0.checked_sub(self.since.0).ok_or(TimeWentBack { meter: self.since, asked: at })?;
        let drawn = self.power * Seconds::from_raw(elapsed as f64 / 1e9);
        match self.purpose {
            Purpose::Background => self.accounts.background += drawn,
            Purpose::Round => self.accounts.open += drawn,
        }
        self.since = at;
        Ok(())
    }
}
