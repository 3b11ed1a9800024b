//! A2 to A5: work on devices that come and go.

use fleetune_devices::{
    Availability, Load, Processor, Session, Sessions, energy::Moment, streams::SeedTree,
};
use fleetune_units::{Seconds, Watts};

use fleetune_validation::acceptance::accept;

const RATE: f64 = 0.3; // failures [1/s]
const WORK: f64 = 4.0; // [s]
const REPAIR: f64 = 2.0; // mean [s]

fn seconds(s: f64) -> Seconds {
    Seconds::new(s).unwrap()
}

fn law(failures: f64, repair: f64) -> Availability {
    let text = format!("exponential: {{ mean_on: {} s, mean_off: {repair} s }}", 1.0 / failures);
    serde_yaml::from_str(&text).unwrap()
}

/// What becomes of the work of an interrupted attempt.
#[derive(Clone, Copy)]
enum After {
    Lost,
    Kept,
}

/// When `work`, done by an undisturbed processor while the device is there, is done [s].
fn completion(sessions: impl Iterator<Item = Session>, work: f64, after: After) -> f64 {
    let mut processor = Processor::new(Moment(0), None, None, &SeedTree::new(0), 0);
    let (mut now, mut left) = (Moment(0), seconds(work));
    for Session { online, length } in sessions {
        let end = now.after(length).unwrap();
        if online {
            let before = processor.done();
            processor.set(now, Load::Busy(Watts::ZERO)).unwrap();
            let finish = processor.finish(left).unwrap();
            if finish <= end {
                return finish.since(Moment(0)).get();
            }
            processor.set(end, Load::Idle).unwrap();
            if let After::Kept = after {
                left -= processor.done() - before;
            }
        }
        now = end;
    }
    unreachable!("sessions never end")
}

/// The mean over `devices` of each of 40 replications.
fn means(devices: u64, of: impl Fn(&SeedTree, u64) -> f64) -> Vec<f64> {
    let mean = |seed| {
        let seeds = SeedTree::new(seed);
        (0..devices).map(|key| of(&seeds, key)).sum::<f64>() / devices as f64
    };
    (0..40).map(mean).collect()
}

#[test]
fn a2_uninterrupted_work_succeeds_with_probability_exp_of_minus_rate_times_work() {
    // Of a device met in the stationary regime too: what is left of a period has no memory.
    for (work, stationary) in [(1.0, false), (4.0, false), (4.0, true)] {
        let done = means(4_000, |seeds, key| {
            let law = law(RATE, 1e-9);
            let first = if stationary {
                Sessions::stationary(law, seeds, key).next()
            } else {
                Sessions::starting_online(law, seeds, key).next()
            };
            f64::from(u8::from(first.unwrap().length.get() >= work))
        });
        accept(&format!("work {work} s"), &done, libm::exp(-RATE * work));
    }
}

#[test]
fn a3_work_that_starts_again_takes_the_closed_form() {
    let theory = (libm::exp(RATE * WORK) - 1.0) * (1.0 / RATE + REPAIR);
    assert!((theory - 12.374).abs() < 5e-4, "validation.md's number");
    let times = means(4_000, |seeds, key| {
        completion(Sessions::starting_online(law(RATE, REPAIR), seeds, key), WORK, After::Lost)
    });
    accept("restart", &times, theory);
}

#[test]
fn a4_work_that_resumes_takes_the_closed_form() {
    let theory = WORK * (1.0 + RATE * REPAIR);
    assert!((theory - 6.4).abs() < 1e-12, "validation.md's number");
    let times = means(4_000, |seeds, key| {
        completion(Sessions::starting_online(law(RATE, REPAIR), seeds, key), WORK, After::Kept)
    });
    accept("resume", &times, theory);
}

#[test]
fn a5_the_best_checkpoint_interval_is_near_youngs() {
    // A stretch of tau and a checkpoint of c either both succeed or start again, so a unit of work
    // takes (e^{rate (tau + c)} - 1)(1/rate + repair) / tau, least near sqrt(2 c / rate).
    let (failures, cost, repair) = (0.01_f64, 0.5_f64, 20.0); // [1/s], [s], [s]
    let young = (2.0 * cost / failures).sqrt();
    let theory =
        |tau: f64| (libm::exp(failures * (tau + cost)) - 1.0) * (1.0 / failures + repair) / tau;
    let sweep = [young / 8.0, young / 3.0, young, 3.0 * young, 8.0 * young];
    let measured: Vec<f64> = sweep
        .iter()
        .map(|tau| {
            let times = means(6_000, |seeds, key| {
                let sessions = Sessions::starting_online(law(failures, repair), seeds, key);
                completion(sessions, tau + cost, After::Lost) / tau
            });
            accept(&format!("checkpoints every {tau} s"), &times, theory(*tau));
            times.iter().sum::<f64>() / times.len() as f64
        })
        .collect();
    let best = measured.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(best, measured[2], "{measured:?} over {sweep:?}");
    // And the closed form's own minimum is within a tenth of Young's first-order answer.
    let minimum = (1..4_000)
        .map(|i| f64::from(i) * 0.01)
        .min_by(|a, b| theory(*a).total_cmp(&theory(*b)))
        .unwrap();
    assert!((minimum / young - 1.0).abs() < 0.1, "{minimum} against {young}");
}
