//! `plan`: what a round will cost, without training anything.

mod explained;
mod summary;

use std::path::{Path, PathBuf};

use clap::Args;
use fleetune_models::backend::Backend;
use fleetune_scenarios::{
    Overrides, Scenario, check_text,
    schema::{CostsOf, PolicyConfig},
};

use super::{Failure, mistakes, say, table::Table};
use crate::{
    clocks::note,
    plan::{AlgorithmPlan, ProfilePlan, Spread, plan},
    prepare::Prepared,
};

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The scenario, such as scenarios/quickstart.yaml. With --model it may be left out: then every kind of algorithm
    /// is planned on every shipped profile, with batches of 8 texts of 128 tokens.
    #[arg(value_name = "SCENARIO", required_unless_present = "model")]
    path: Option<PathBuf>,
    /// The model whose costs are planned, by its config.json alone, such as scenarios/models/opt-1.3b.json.
    #[arg(long, value_name = "CONFIG")]
    model: Option<PathBuf>,
    /// In what numbers devices store that model and compute: f32, f16 or bf16. The default is f32.
    #[arg(long, value_name = "DTYPE", requires = "model")]
    dtype: Option<String>,
    /// How its layers' weights are stored if they do not train: plain, int8 or ternary. The default is plain.
    #[arg(long, value_name = "FROZEN")]
    frozen: Option<String>,
    /// Print below every figure how it comes about.
    #[arg(long)]
    explain: bool,
    /// Change a field: a path and a YAML value, such as federation.cohort=4. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl Plan {
    /// The scenario with what the options say; they prevail over --set.
    fn scenario(&self) -> Result<Scenario, Failure> {
        let mut all = self.set.clone();
        if let Some(config) = &self.model {
            let file = std::path::absolute(config).map_err(|error| {
                Failure::Usage(format!("error: {} cannot be found: {error}", config.display()))
            })?;
            let file = file.display().to_string().replace('\'', "''");
            let dtype = self.dtype.as_deref().unwrap_or("f32");
            all.push(format!("model.costs_of={{config: {{file: '{file}', dtype: {dtype}}}}}"));
        }
        all.extend(self.frozen.as_ref().map(|frozen| format!("model.frozen={frozen}")));
        let overrides = Overrides::parse(&all).map_err(mistakes)?;
        match &self.path {
            Some(path) => fleetune_scenarios::check(path, &overrides),
            None => {
                let plain = self.frozen.as_deref().is_none_or(|frozen| frozen == "plain");
                let text = every_kind(plain);
                check_text("every-kind.yaml", text.as_bytes(), Path::new(""), &overrides)
            }
        }
        .map_err(mistakes)
    }

    pub(super) fn execute(self) -> Result<(), Failure> {
        let scenario = self.scenario()?;
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(format!("error: {error}"));
        let prepared = Prepared::new(scenario, Backend::default()).map_err(|e| usage(&e))?;
        let plans = plan(&prepared).map_err(|e| usage(&e))?;
        if self.path.is_none() {
            say(&summary::head(&prepared.scenario))?;
            say(&summary::table(&plans).to_string())?;
            return plans.iter().try_for_each(|plan| {
                say(&summary::profiles(plan))?;
                if self.explain { say(&explained::of(plan)) } else { Ok(()) }
            });
        }
        say(&asking(&prepared.scenario))?;
        if let Some(note) = note(&prepared.scenario.fleet.cost, &prepared.scenario.network) {
            say(&note)?;
        }
        let of = at_costs_of(&prepared.scenario);
        plans.iter().try_for_each(|plan| {
            say(&describe(plan, &of))?;
            if self.explain { say(&explained::of(plan)) } else { Ok(()) }
        })
    }
}

/// Every kind of algorithm, on every shipped profile; those that train the layers' own weights if these are `plain`.
fn every_kind(plain: bool) -> String {
    let [kinds, weights] = [include_str!("every-kind.yaml"), include_str!("weights.yaml")];
    if plain { format!("{kinds}{weights}") } else { kinds.to_owned() }
}

/// At whose costs, if they are another model's.
fn at_costs_of(scenario: &Scenario) -> String {
    let costs_of = scenario.model.costs_of.as_ref().map(CostsOf::title);
    costs_of.map_or_else(String::new, |larger| format!(" at the costs of {larger}"))
}

/// Whom a round asks.
fn asking(scenario: &Scenario) -> String {
    let federation = &scenario.federation;
    let asked = (f64::from(federation.cohort) * federation.over_commitment).ceil();
    let asking = match federation.policy {
        PolicyConfig::Synchronous | PolicyConfig::Adaptive(_) => {
            format!("a round asks {asked} clients for {} updates", federation.cohort)
        }
        PolicyConfig::Asynchronous(flow) => format!(
            "{} clients are at work at any time, and the model moves by every {} updates",
            flow.concurrency, federation.cohort
        ),
        PolicyConfig::Tiers(tiers) => format!(
            "a round of each of {} tiers asks {asked} clients for {} updates",
            tiers.count, federation.cohort
        ),
        PolicyConfig::Hierarchical(hierarchy) => format!(
            "a round of an edge asks {asked} clients for {} updates, and the cloud joins the edges after every {} \
             of their rounds",
            federation.cohort, hierarchy.edge_rounds
        ),
    };
    format!("One exchange of one client; {asking}. Nothing was trained.\n")
}

/// `of`: at whose costs, if they are another model's.
fn describe(plan: &AlgorithmPlan, of: &str) -> String {
    let mut text = format!(
        "\n{}{of}: {}{} of work, {} down, {} up, {} of memory\n",
        plan.label,
        trained(plan),
        spread(plan.flops, |x| x.human().to_string()),
        spread(plan.download, |x| x.human().to_string()),
        spread(plan.upload, |x| x.human().to_string()),
        spread(plan.memory, |x| x.human().to_string()),
    );
    let mut table =
        Table::new(&["profile", "devices", "budget", "fits", "compute", "transfer", "energy"]);
    for profile in &plan.profiles {
        table.row([
            profile.profile.clone(),
            profile.devices.to_string(),
            profile.budget.human().to_string(),
            fits(profile),
            spread(profile.compute, |x| x.human().to_string()),
            spread(profile.transfer, |x| x.human().to_string()),
            spread(profile.energy, |x| x.human().to_string()),
        ]);
    }
    text.push_str(&table.to_string());
    text
}

/// How many parameters a device holds, and how many of them train.
fn trained(plan: &AlgorithmPlan) -> String {
    let largest = plan.explained.iter().max_by_key(|explained| explained.figures[0].value());
    largest.map_or_else(String::new, |explained| {
        let parameters = grouped(explained.figures[0].value());
        format!("{} of {parameters} parameters train, ", grouped(explained.trainable.into()))
    })
}

/// Digits in groups of three.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// Whether the memory suffices, or how much is missing.
fn fits(profile: &ProfilePlan) -> String {
    match profile.fits {
        true => "yes".to_owned(),
        false => format!("no ({} short)", profile.short.human()),
    }
}

fn spread<T: PartialOrd + Copy>(spread: Spread<T>, human: impl Fn(T) -> String) -> String {
    let (least, most) = (human(spread.least), human(spread.most));
    if least == most { least } else { format!("{least} to {most}") }
}
