use fleetune_devices::network::config::TopologyConfig;

use super::fleet;
use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::PolicyConfig,
};

/// There are edges for a hierarchy, and devices for every tier.
pub(super) fn groups(draft: &Draft, faults: &mut Vec<Fault>) {
    let Some(federation) = &draft.federation else { return };
    let path = FieldPath::from("federation.policy");
    match (federation.policy, &draft.network, &draft.fleet) {
        (PolicyConfig::Hierarchical(_), Some(network), _)
            if !matches!(network.topology, TopologyConfig::TwoTier(_)) =>
        {
            let message = "a hierarchy needs edge aggregators, and `network.topology` has none";
            let help = "describe them: `network.topology: { two_tier: { aggregators: [...] } }`";
            faults.push(Fault::key(path.key("hierarchical"), message).with_help(help));
        }
        (PolicyConfig::Tiers(tiers), _, Some(fleet))
            if u64::from(tiers.count) > fleet::devices(fleet) =>
        {
            let devices = fleet::devices(fleet);
            let message = format!("{} tiers of a fleet of {devices} devices", tiers.count);
            let path = path.key("tiers").key("count");
            let help = format!("expected at most {devices}; 5 is usual");
            faults.push(Fault::value(path, message).with_help(help));
        }
        _ => (),
    }
}
