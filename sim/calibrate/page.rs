//! Predicted against measured, in Markdown.

use fleetune_devices::{
    Device, Fleet, FleetConfig, FleetError, Profile, Profiles, streams::SeedTree,
};
use fleetune_units::Seconds;

use super::{Calibration, StepTimes};

/// A step, predicted and measured.
struct Row {
    model: String,
    step: StepTimes,
    predicted: Seconds,
}

impl Row {
    /// Predicted over measured.
    fn ratio(&self) -> f64 {
        self.predicted.get() / self.step.measured.median.get()
    }
}

/// The page about a calibration and the profile that was made of it.
///
/// # Errors
/// If no fleet can be drawn of the profile.
pub fn markdown(calibration: &Calibration, profile: &Profile) -> Result<String, FleetError> {
    let device = device(profile)?;
    let rows: Vec<Row> = calibration
        .models
        .iter()
        .flat_map(|model| model.steps.iter().map(move |step| (model.size, step)))
        .map(|(size, step)| Row {
            model: size.to_string(),
            step: step.clone(),
            predicted: device.compute_time(&size.workload(step.method)),
        })
        .collect();
    let mut page = head(calibration);
    page.push_str("| model | matrix products, FLOP/s | middle half |\n| --- | ---: | ---: |\n");
    for model in &calibration.models {
        let speed = model.products;
        page.push_str(&format!(
            "| {} | {} | {} to {} |\n",
            model.size,
            speed.median.human(),
            speed.low.human(),
            speed.high.human()
        ));
    }
    let bandwidth = calibration.bandwidth;
    page.push_str(&format!(
        "\nMemory, streaming: {} (middle half {} to {}).\n\n## A step, predicted and measured\n\n\
         | model | step | predicted | measured | middle half | predicted / measured |\n\
         | --- | --- | ---: | ---: | ---: | ---: |\n",
        bandwidth.median.human(),
        bandwidth.low.human(),
        bandwidth.high.human()
    ));
    for row in &rows {
        let measured = row.step.measured;
        page.push_str(&format!(
            "| {} | {} | {} | {} | {} to {} | {:.2} |\n",
            row.model,
            row.step.method,
            row.predicted.human(),
            measured.median.human(),
            measured.low.human(),
            measured.high.human(),
            row.ratio()
        ));
    }
    page.push_str(&verdict(&rows));
    Ok(page)
}

fn head(calibration: &Calibration) -> String {
    format!(
        "# Calibration: the cost model against this program's own steps\n\n\
         Written by `fleetune calibrate --page`; do not edit. Processor: {}. One thread, {} repetitions of each timing, \
         taking turns; medians, and the middle half of the repetitions as their spread. The host's clock is read here and \
         in no simulation.\n\n\
         The device profile has two numbers from this host: the speed of f32 matrix products, the median over the models \
         below, and the bandwidth of streaming. Everything else follows from counted operations: a phase takes the longer \
         of its arithmetic at the one and its traffic at the other (docs of `devices/cost`). No number was fitted to a \
         step's time, so the last column is the model's whole error. What it leaves out goes both ways: elementwise work \
         and the making of noise run at other speeds than products; the cost model charges every pass over memory that a \
         device makes, while this host keeps small models in its caches and makes noise for a direction once.\n\n\
         ## Speed\n\n",
        calibration.processor, calibration.repetitions
    )
}

fn verdict(rows: &[Row]) -> String {
    let ratios = || rows.iter().map(Row::ratio);
    let (least, most) =
        (ratios().fold(f64::INFINITY, f64::min), ratios().fold(f64::NEG_INFINITY, f64::max));
    let worst = ratios().map(|r| r.max(1.0 / r)).fold(1.0, f64::max);
    format!(
        "\nPredictions are {least:.2} to {most:.2} times what was measured: at worst off by a factor of {worst:.2}.\n"
    )
}

/// A device of the profile, as it is.
fn device(profile: &Profile) -> Result<Device, FleetError> {
    let mut profiles = Profiles::empty();
    profiles.insert(profile.clone());
    let text = format!("groups: [{{ profile: {}, count: 1 }}]", profile.name);
    let config: FleetConfig = serde_yaml::from_str(&text).expect("a group of one");
    let fleet = Fleet::draw(&config, &profiles, &SeedTree::new(0))?;
    Ok(fleet.devices[0].clone())
}
