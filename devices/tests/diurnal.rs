//! The diurnal law: closed forms of its stationary regime and its transient, exact periods.

use std::f64::consts::TAU;

use fleetune_devices::{
    Availability, Session, Sessions,
    availability::{DAY, Diurnal},
    streams::SeedTree,
};
use fleetune_units::Seconds;

use fleetune_validation::acceptance::accept;

use crate::statistics::assert_law;

const HOUR: f64 = 3600.0; // [s]

fn diurnal(yaml: &str) -> (Diurnal, Availability) {
    let law: Availability = serde_yaml::from_str(&format!("diurnal: {{ {yaml} }}")).unwrap();
    let Availability::Diurnal(diurnal) = law else { panic!("{yaml}") };
    (diurnal, law)
}

/// On about 29 % of the time, nearly 2/3 at night and hardly ever by day.
const NIGHTS: &str = "mean_on: 2 h, mean_off: 5 h, swing: 1, peak: 2 h";

fn online_at(sessions: Sessions, at: f64) -> bool {
    let mut end = 0.0;
    for Session { online, length } in sessions {
        end += length.get();
        if at < end {
            return online;
        }
    }
    unreachable!("sessions never end")
}

fn shares(at: f64, devices: u64, of: impl Fn(&SeedTree, u64) -> Sessions) -> Vec<f64> {
    (0..40)
        .map(|seed| {
            let seeds = SeedTree::new(seed);
            let on = (0..devices).filter(|key| online_at(of(&seeds, *key), at)).count();
            on as f64 / devices as f64
        })
        .collect()
}

#[test]
fn a1_the_stationary_regime_follows_the_clock_as_the_closed_form_has_it() {
    let (nights, law) = diurnal(NIGHTS);
    let times = [(0.0, 4_000), (4.0, 3_000), (9.0, 12_000), (20.0, 12_000), (52.0, 3_000)];
    for (hour, devices) in times {
        let at = hour * HOUR;
        let theory = nights.share_at(Seconds::from_raw(at));
        let found = shares(at, devices, |seeds, key| Sessions::stationary(law, seeds, key));
        accept(&format!("at {hour} h"), &found, theory);
    }
}

#[test]
fn a1_a_start_online_relaxes_to_the_stationary_regime() {
    let (nights, law) = diurnal(NIGHTS);
    let rate = 1.0 / (2.0 * HOUR) + 1.0 / (5.0 * HOUR);
    let start = nights.share_at(Seconds::ZERO);
    for hour in [0.5, 2.0, 5.0] {
        let at = hour * HOUR;
        let stationary = nights.share_at(Seconds::from_raw(at));
        let theory = stationary + (1.0 - start) * libm::exp(-rate * at);
        let found = shares(at, 8_000, |seeds, key| Sessions::starting_online(law, seeds, key));
        accept(&format!("{hour} h after a start online"), &found, theory);
    }
}

#[test]
fn a1_over_a_day_the_share_is_the_ratio_of_means() {
    // The closed form, and what devices do over 40 whole days.
    let (nights, law) = diurnal(NIGHTS);
    let mean = (0..24_000).map(|i| nights.share_at(DAY * (f64::from(i) / 24_000.0))).sum::<f64>()
        / 24_000.0;
    assert!((mean - 2.0 / 7.0).abs() < 1e-12, "{mean}");
    let horizon = 40.0 * DAY.get();
    let share = |seed| {
        let seeds = SeedTree::new(seed);
        let on: f64 = (0..40)
            .map(|key| {
                let (mut now, mut on) = (0.0, 0.0);
                for session in Sessions::stationary(law, &seeds, key) {
                    let length = session.length.get().min(horizon - now);
                    on += if session.online { length } else { 0.0 };
                    now += length;
                    if now >= horizon {
                        break;
                    }
                }
                on
            })
            .sum();
        on / (40.0 * horizon)
    };
    accept("over 40 days", &(0..40).map(share).collect::<Vec<_>>(), 2.0 / 7.0);
}

/// The integrated rate from `from` to `to`, by the trapezoidal rule.
fn integrated(rate: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let cells = 2_000;
    let width = (to - from) / f64::from(cells);
    let inner: f64 = (1..cells).map(|i| rate(from + f64::from(i) * width)).sum();
    width * (inner + 0.5 * (rate(from) + rate(to)))
}

#[test]
fn periods_are_exact_by_the_theorem_of_time_rescaling() {
    // Of an inhomogeneous process the integrated rate over each period is exponential with mean
    // one. The rate is integrated numerically from q, and not by the formula that is inverted.
    let (nights, law) = diurnal(NIGHTS);
    let seeds = SeedTree::new(8);
    let (mut on, mut off) = (Vec::new(), Vec::new());
    for key in 0..200 {
        let mut now = 0.0;
        for session in Sessions::stationary(law, &seeds, key).take(16) {
            let end = now + session.length.get();
            let total = 1.0 / (2.0 * HOUR) + 1.0 / (5.0 * HOUR);
            let balance = |t: f64| nights.balance_at(Seconds::from_raw(t));
            if session.online {
                on.push(integrated(|t| total * (1.0 - balance(t)), now, end));
            } else {
                off.push(integrated(|t| total * balance(t), now, end));
            }
            now = end;
        }
    }
    assert_law(&mut on, |x| 1.0 - libm::exp(-x), "on");
    assert_law(&mut off, |x| 1.0 - libm::exp(-x), "off");
}

#[test]
fn without_a_swing_it_is_the_exponential_law() {
    let (_, flat) = diurnal("mean_on: 2 h, mean_off: 5 h, swing: 0, peak: 2 h");
    let exponential: Availability =
        serde_yaml::from_str("exponential: { mean_on: 2 h, mean_off: 5 h }").unwrap();
    let seeds = SeedTree::new(5);
    for key in 0..50 {
        let pairs = Sessions::stationary(flat, &seeds, key).zip(Sessions::stationary(
            exponential,
            &seeds,
            key,
        ));
        for (a, b) in pairs.take(20) {
            assert_eq!(a.online, b.online);
            assert!((a.length.get() - b.length.get()).abs() <= 1e-12 * b.length.get());
        }
    }
}

#[test]
fn time_zones_are_even_over_their_width_and_shift_the_peak() {
    // With zones of a whole day the fleet has no night: the share is the same at any moment.
    let (_, spread) = diurnal(&format!("{NIGHTS}, zones: 24 h"));
    for hour in [0.0, 14.0] {
        let found =
            shares(hour * HOUR, 8_000, |seeds, key| Sessions::stationary(spread, seeds, key));
        accept(&format!("at {hour} h"), &found, 2.0 / 7.0);
    }
    // With a narrower width w the swing is weaker by sin(ωw/2) / (ωw/2) = 0.9003 at 6 h.
    let (nights, six) = diurnal(&format!("{NIGHTS}, zones: 6 h"));
    let half = TAU / 8.0;
    let at = 3.0 * HOUR;
    let swing = nights.share_at(Seconds::from_raw(at)) - 2.0 / 7.0;
    let theory = 2.0 / 7.0 + swing * libm::sin(half) / half;
    let found = shares(at, 8_000, |seeds, key| Sessions::stationary(six, seeds, key));
    accept("six hours of zones", &found, theory);
}
