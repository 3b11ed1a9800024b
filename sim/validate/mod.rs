//! Validation as a product: all experiments, those of [`fleetune_validation`] and those that need
//! what only the program has, the federation and the models.
//!
//! * `rounds`, `waste`: the real [`Federation`](crate::federation::Federation) under work whose
//!   durations have a chosen law, R1 to R6 and E6. R7, the staleness of asynchronous rounds, goes
//!   beside them, as `rounds/asynchronous.rs`, once there are such rounds;
//! * `costs`: what models and messages really count, C1, C2 and C4;
//! * [`page`]: the page about all of them.
//!
//! `mutations.md` lists mistakes that were planted and the experiments that failed.

mod costs;
pub mod page;
mod rounds;
mod script;
mod waste;

use fleetune_validation::Experiment;

/// The order of the catalogue's series.
const SERIES: &str = "QNRACE";

/// All experiments, in the order of the catalogue.
pub fn experiments() -> Vec<Experiment> {
    let mut all = fleetune_validation::experiments();
    all.extend(rounds::EXPERIMENTS);
    all.extend(costs::EXPERIMENTS);
    all.push(waste::WASTE);
    all.sort_by_key(|experiment| place(experiment.id));
    all
}

/// `N10` comes after `N9`.
fn place(id: &str) -> (Option<usize>, u32) {
    let (series, number) = id.split_at(1);
    (SERIES.find(series), number.parse().unwrap_or(u32::MAX))
}

/// The experiments that `wanted` names, series (`N`) or single ones (`N6`), in any case; all if it
/// is empty.
///
/// # Errors
/// The first name that stands for nothing.
pub fn choose(wanted: &[String]) -> Result<Vec<Experiment>, String> {
    let stands_for =
        |name: &str, id: &str| name.eq_ignore_ascii_case(id) || name.eq_ignore_ascii_case(&id[..1]);
    let all = experiments();
    if let Some(name) = wanted.iter().find(|name| !all.iter().any(|e| stands_for(name, e.id))) {
        return Err(name.clone());
    }
    let is_wanted =
        |e: &Experiment| wanted.is_empty() || wanted.iter().any(|name| stands_for(name, e.id));
    Ok(all.into_iter().filter(is_wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(wanted: &[&str]) -> Vec<&'static str> {
        let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        choose(&wanted).unwrap().iter().map(|e| e.id).collect()
    }

    #[test]
    fn the_catalogue_is_complete_and_in_order() {
        let series = [("Q", 11), ("N", 11), ("R", 7), ("A", 5), ("C", 4), ("E", 6)];
        let numbered = |(name, last): (&str, u32)| -> Vec<String> {
            (1..=last).map(|n| format!("{name}{n}")).collect()
        };
        assert_eq!(ids(&[]), series.into_iter().flat_map(numbered).collect::<Vec<_>>());
    }

    #[test]
    fn series_and_experiments_can_be_chosen_by_name() {
        assert_eq!(ids(&["n1"]), ["N1"]);
        assert_eq!(ids(&["E", "C3"]), ["C3", "E1", "E2", "E3", "E4", "E5", "E6"]);
        assert_eq!(choose(&["N1".into(), "N12".into()]).unwrap_err(), "N12");
        assert_eq!(choose(&["X".into()]).unwrap_err(), "X");
    }
}
