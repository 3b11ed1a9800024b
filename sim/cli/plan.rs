use clap::Args;
use fleetune_models::backend::Backend;
use fleetune_scenarios::schema::{CostsOf, PolicyConfig};

use super::{Failure, ScenarioArguments, say, table::Table};
use crate::{
    clocks::note,
    plan::{AlgorithmPlan, Spread, plan},
    prepare::Prepared,
};

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    scenario: ScenarioArguments,
}

impl Plan {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let scenario = self.scenario.check(&[])?;
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(format!("error: {error}"));
        let prepared = Prepared::new(scenario, Backend::default()).map_err(|e| usage(&e))?;
        let plans = plan(&prepared).map_err(|e| usage(&e))?;
        let federation = &prepared.scenario.federation;
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
        say(&format!("One exchange of one client; {asking}. Nothing was trained.\n"))?;
        if let Some(note) = note(&prepared.scenario.fleet.cost, &prepared.scenario.network) {
            say(&note)?;
        }
        let costs_of = prepared.scenario.model.costs_of.as_ref().map(CostsOf::title);
        let of = costs_of.map_or_else(String::new, |larger| format!(" at the costs of {larger}"));
        plans.iter().try_for_each(|plan| say(&describe(plan, &of)))
    }
}

/// `of`: at whose costs, if they are another model's.
fn describe(plan: &AlgorithmPlan, of: &str) -> String {
    let mut text = format!(
        "\n{}{of}: {} of work, {} down, {} up, {} of memory\n",
        plan.label,
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
            if profile.fits { "yes" } else { "no" }.to_owned(),
            spread(profile.compute, |x| x.human().to_string()),
            spread(profile.transfer, |x| x.human().to_string()),
            spread(profile.energy, |x| x.human().to_string()),
        ]);
    }
    text.push_str(&table.to_string());
    text
}

fn spread<T: PartialOrd + Copy>(spread: Spread<T>, human: impl Fn(T) -> String) -> String {
    let (least, most) = (human(spread.least), human(spread.most));
    if least == most { least } else { format!("{least} to {most}") }
}
