//! Whether two runs may be compared, and what they share.

use std::collections::BTreeMap;

use super::Given;

/// What must be the same, and what to call it. Costs to a target mean the same only if target, texts, model and budget
/// are.
const SAME: [(&str, &str); 6] = [
    ("target", "the target"),
    ("model", "the model"),
    ("task.dataset", "the task"),
    ("task.test_examples", "the test texts"),
    ("task.evaluate_on", "the test texts"),
    ("federation.stop", "the budget"),
];

/// What makes a world: of the same seed everything in it is the same if these are.
const WORLD: [&str; 4] = ["root_seed", "fleet", "profiles", "task.partition"];

/// Fields whose differences need no words: names and descriptions, and what profiles say in full of the fleet.
const SILENT: [&str; 4] = ["name", "description", "seeds", "profiles"];

/// More differences than this are counted, not listed.
const LISTED: usize = 8;

/// Why `a` and `b` may not be compared; nothing if they may.
pub(super) fn objections(a: &Given, b: &Given) -> Vec<String> {
    let mut reasons = Vec::new();
    reasons.extend(engine(a, b));
    for (name, what) in [("dataset", "the task's texts"), ("checkpoint", "the model's weights")] {
        let hash = |given: &Given| given.run.manifest.data_sha256.get(name).cloned();
        if hash(a) != hash(b) {
            reasons.push(format!("{what} are others (SHA-256 in manifest.json)"));
        }
    }
    for (path, what) in SAME {
        let differing = differing(&a.section(path), &b.section(path)).into_iter();
        let differing = differing.filter(|(field, ..)| !is_place(field));
        reasons.extend(differing.map(|(field, one, other)| {
            format!("{what}: {field} is {one} in the one and {other} in the other")
        }));
    }
    reasons
}

/// Where a file is says nothing: what is in it is compared by its hash.
fn is_place(field: &str) -> bool {
    field.ends_with(".path") || field.ends_with(".directory")
}

/// Results of different engines differ for reasons that are no algorithm's.
fn engine(a: &Given, b: &Given) -> Option<String> {
    let [one, other] = [&a.run.manifest, &b.run.manifest];
    let built = |m: &fleetune_reports::records::Manifest| {
        let short = |hash: &Option<String>| hash.as_deref().map(|h| h.chars().take(12).collect());
        let commit: Option<String> = short(&m.git_commit);
        let engine: Option<String> = short(&m.engine);
        let [commit, engine] = [commit, engine].map(|h| h.unwrap_or_else(|| "unknown".to_owned()));
        format!("{} (commit {commit}, engine {engine})", m.version)
    };
    match (&one.engine, &other.engine) {
        (Some(x), Some(y)) if x == y => None,
        // Without a hash, only a common commit vouches for common sources.
        (None, None) if one.git_commit.is_some() && built(one) == built(other) => None,
        _ => Some(format!(
            "they were run by different engines, fleetune {} and {}: run one of them again",
            built(one),
            built(other)
        )),
    }
}

/// Whether fleet, data and availability of a seed are the same in both.
pub(super) fn same_world(a: &Given, b: &Given) -> bool {
    WORLD.iter().all(|path| {
        let without_words = |given: &Given| -> BTreeMap<String, String> {
            let fields = given.section(path).into_iter();
            let fields = fields.filter(|(field, _)| !is_prose(field));
            fields.map(|(field, value)| (field.to_owned(), value.to_owned())).collect()
        };
        without_words(a) == without_words(b)
    })
}

/// Descriptions and sources of profiles, which change nothing.
fn is_prose(field: &str) -> bool {
    field.starts_with("profiles.")
        && (field.ends_with(".description") || field.contains(".sources"))
}

/// What differs between any of the runs, beyond what has no bearing: fields by their paths.
pub(super) fn differences(givens: &[Given]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let Some((first, others)) = givens.split_first() else { return all };
    for other in others {
        for (field, ..) in differing(&whole(first), &whole(other)) {
            let section = shortened(field);
            let silent =
                SILENT.iter().any(|s| section == *s || section.starts_with(&format!("{s}.")));
            if !silent && !all.contains(&section) {
                all.push(section);
            }
        }
    }
    if all.len() > LISTED {
        let more = all.len() - LISTED;
        all.truncate(LISTED);
        all.push(format!("and {more} more fields"));
    }
    all
}

fn whole(given: &Given) -> BTreeMap<&str, &str> {
    given.fields.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect()
}

/// A list is one thing: `fleet.groups[2].count` is `fleet.groups`.
fn shortened(field: &str) -> String {
    field.split('[').next().unwrap_or(field).to_owned()
}

/// Fields that are not the same, with both values.
fn differing<'a>(
    a: &BTreeMap<&'a str, &'a str>,
    b: &BTreeMap<&'a str, &'a str>,
) -> Vec<(&'a str, &'a str, &'a str)> {
    let fields: std::collections::BTreeSet<&str> = a.keys().chain(b.keys()).copied().collect();
    let value = |of: &BTreeMap<&'a str, &'a str>, field| of.get(field).copied().unwrap_or("absent");
    let pairs = fields.into_iter().map(|field| (field, value(a, field), value(b, field)));
    pairs.filter(|(_, one, other)| one != other).collect()
}
