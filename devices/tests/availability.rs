//! A1: long-run availability and the transient law; residual times; spelling.

use fleetune_devices::{
    Availability, Sessions, Sigma,
    availability::{LognormalSessions, Means},
    streams::SeedTree,
};
use fleetune_units::Seconds;
use fleetune_validation::acceptance::accept;

const UP: f64 = 3.0; // [h]
const DOWN: f64 = 5.0; // [h]

fn seconds(s: f64) -> Seconds {
    Seconds::new(s).unwrap()
}

fn exponential() -> Availability {
    Availability::Exponential(Means { mean_on: seconds(UP), mean_off: seconds(DOWN) })
}

fn lognormal() -> Availability {
    Availability::Lognormal(LognormalSessions {
        mean_on: seconds(UP),
        mean_off: seconds(DOWN),
        sigma: Sigma::new(0.8).unwrap(),
    })
}

/// Whether the device is on at `at`.
fn online_at(sessions: Sessions, at: f64) -> bool {
    let mut end = 0.0;
    for session in sessions {
        end += session.length.get();
        if at < end {
            return session.online;
        }
    }
    unreachable!("sessions never end")
}

fn time_on(sessions: Sessions, horizon: f64) -> f64 {
    let (mut now, mut on) = (0.0, 0.0);
    for session in sessions {
        let length = session.length.get().min(horizon - now);
        on += if session.online { length } else { 0.0 };
        now += length;
        if now >= horizon {
            return on;
        }
    }
    unreachable!("sessions never end")
}

#[test]
fn long_run_availability_is_the_ratio_of_means_whatever_the_law() {
    for (law, name) in [(exponential(), "exponential"), (lognormal(), "lognormal")] {
        assert!((law.long_run() - UP / (UP + DOWN)).abs() < 1e-15);
        let shares: Vec<f64> = (0..40)
            .map(|seed| {
                let sessions = Sessions::stationary(law, &SeedTree::new(seed), 1);
                time_on(sessions, 30_000.0) / 30_000.0
            })
            .collect();
        accept(name, &shares, UP / (UP + DOWN));
    }
}

#[test]
fn exponential_availability_relaxes_from_a_start_online() {
    let rate = 1.0 / UP + 1.0 / DOWN;
    for at in [0.5, 2.0, 6.0] {
        let theory = UP / (UP + DOWN) + DOWN / (UP + DOWN) * libm::exp(-at * rate);
        let shares =
            devices_online(at, |seeds, key| Sessions::starting_online(exponential(), seeds, key));
        accept(&format!("availability after {at}"), &shares, theory);
    }
}

#[test]
fn a_stationary_start_is_stationary_at_every_moment() {
    for law in [exponential(), lognormal()] {
        for at in [0.0, 0.7, 2.5, 6.0] {
            let shares = devices_online(at, |seeds, key| Sessions::stationary(law, seeds, key));
            accept(&format!("{law:?} at {at}"), &shares, UP / (UP + DOWN));
        }
    }
}

/// The share of 4,000 devices that is on at `at`, for each of 40 replications.
fn devices_online(at: f64, sessions: impl Fn(&SeedTree, u64) -> Sessions) -> Vec<f64> {
    let devices = 4_000;
    (0..40)
        .map(|seed| {
            let seeds = SeedTree::new(seed);
            let on = (0..devices).filter(|key| online_at(sessions(&seeds, *key), at)).count();
            on as f64 / devices as f64
        })
        .collect()
}

#[test]
fn the_residual_period_has_the_mean_of_renewal_theory() {
    // E[X²] / (2 E[X]) = mean exp(sigma²) / 2 for the log-normal law, the mean for the exponential.
    for (law, factor) in [(exponential(), 1.0), (lognormal(), libm::exp(0.64) / 2.0)] {
        let means: Vec<f64> = (0..40)
            .map(|seed| {
                let seeds = SeedTree::new(seed);
                let first = (0..20_000).map(|key| Sessions::stationary(law, &seeds, key).next());
                let on: Vec<f64> =
                    first.flatten().filter(|s| s.online).map(|s| s.length.get()).collect();
                on.iter().sum::<f64>() / on.len() as f64
            })
            .collect();
        accept(&format!("residual of {law:?}"), &means, UP * factor);
    }
}

#[test]
fn periods_alternate_and_can_be_resumed() {
    let seeds = SeedTree::new(11);
    let all: Vec<_> = Sessions::stationary(lognormal(), &seeds, 5).take(20).collect();
    assert!(all.windows(2).all(|pair| pair[0].online != pair[1].online));
    let mut half = Sessions::stationary(lognormal(), &seeds, 5);
    half.by_ref().take(7).for_each(drop);
    assert_eq!(half.taken(), 7);
    assert!(half.take(13).eq(all[7..].iter().copied()));
}

#[test]
fn always_is_one_endless_period() {
    let mut sessions = Sessions::stationary(Availability::Always, &SeedTree::new(1), 0);
    let only = sessions.next().unwrap();
    assert!(only.online);
    assert_eq!(only.ends_after(), None);
    assert_eq!(sessions.next(), None);
}

#[test]
fn the_spelling_round_trips_and_mistakes_are_explained() {
    for law in [Availability::Always, exponential(), lognormal()] {
        let yaml = serde_yaml::to_string(&law).unwrap();
        assert_eq!(serde_yaml::from_str::<Availability>(&yaml).unwrap(), law, "{yaml}");
        let json = serde_json::to_string(&law).unwrap();
        assert_eq!(serde_json::from_str::<Availability>(&json).unwrap(), law, "{json}");
    }
    for (text, hint) in [
        ("sometimes", "unknown variant `sometimes`"),
        ("exponential", "needs its means"),
        ("exponential: { mean_on: 2 h }", "missing field `mean_off`"),
        ("exponential: { mean_on: 2 h, mean_off: 0 s }", "more than zero"),
        ("exponential: { mean_on: 2, mean_off: 1 h }", "expected a quantity with a unit"),
        ("lognormal: { mean_on: 2 h, mean_off: 1 h, sigma: 9 }", "from 0 to 3"),
        ("{}", "found none"),
    ] {
        let error = serde_yaml::from_str::<Availability>(text).unwrap_err().to_string();
        assert!(error.contains(hint), "{text}: {error}");
    }
}
