use fleetune_devices::{Basis, Compute, Efficiency, Memory, Peak, Profile, Source};
use fleetune_units::Bytes;

use super::Calibration;

/// A profile of the host: its speed and bandwidth as measured, `memory` as installed, and all that was not measured as
/// in `like`.
///
/// Speeds are sustained ones, so that both efficiencies are 1 and no number format but f32 has a speed of its own.
///
/// # Errors
/// If `name` is no profile's name.
pub fn profile_of(
    calibration: &Calibration,
    name: &str,
    memory: Bytes,
    like: &Profile,
) -> Result<Profile, serde_yaml::Error> {
    let Calibration { processor, repetitions, bandwidth, .. } = calibration;
    let name = serde_yaml::from_value(name.into())?;
    let source = |of: &[&str], basis, text: String| Source {
        of: of.iter().map(|&field| field.to_owned()).collect(),
        basis,
        text,
        url: None,
    };
    let each = calibration.models.iter().map(|model| {
        let speed = model.products;
        format!(
            "{} ({} to {}) with {}",
            speed.median.human(),
            speed.low.human(),
            speed.high.human(),
            model.size
        )
    });
    let each: Vec<String> = each.collect();
    let copied = ["link", "power", "availability"];
    Ok(Profile {
        name,
        description: format!("{processor}, training on one of its threads."),
        compute: Compute {
            peak: Peak { f32: calibration.speed(), f16: None, bf16: None, i8: None },
            efficiency: Efficiency::ONE,
            overhead: fleetune_units::Seconds::ZERO,
        },
        memory: Memory {
            total: memory,
            budget: Bytes::new(memory.get() / 2),
            bandwidth: bandwidth.median,
            efficiency: Efficiency::ONE,
        },
        link: like.link.clone(),
        power: like.power.clone(),
        availability: like.availability,
        charging: None,
        wifi: None,
        battery: None,
        throttle: None,
        background_load: None,
        radio_tail: None,
        sources: vec![
            source(
                &["compute.peak", "compute.efficiency"],
                Basis::Measured,
                format!(
                    "By `fleetune calibrate`: f32 matrix products in the shapes of a layer on 16 texts of 32 tokens, one \
                     thread, medians and quartiles of {repetitions} repetitions: {}. The peak stated is the median of \
                     these, which is sustained: the efficiency is 1.",
                    each.join("; ")
                ),
            ),
            source(
                &["compute.overhead"],
                Basis::Assumed,
                "None: what dispatch takes is within the products that were timed.".to_owned(),
            ),
            source(
                &["memory.bandwidth", "memory.efficiency"],
                Basis::Measured,
                format!(
                    "By `fleetune calibrate`: y += a x over vectors larger than caches, one thread, {repetitions} \
                     repetitions: {} ({} to {}), sustained: the efficiency is 1.",
                    bandwidth.median.human(),
                    bandwidth.low.human(),
                    bandwidth.high.human()
                ),
            ),
            source(
                &["memory.total", "memory.budget"],
                Basis::Assumed,
                "What the operating system says is installed, half of it for training.".to_owned(),
            ),
            source(
                &copied,
                Basis::Assumed,
                format!("Not measured: copied from the profile {}.", like.name),
            ),
        ],
    })
}
