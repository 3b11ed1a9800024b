use std::{fs, path::Path};

use fleetune_devices::streams::SeedTree;
use indexmap::IndexMap;
use serde_yaml::Value;

use super::{
    Axis, Draw, Settings, StudySpec, SweepSpec, Thresholds, Trial, axis::text as yaml_text,
};
use crate::{
    Overrides, Scenario, ScenarioError,
    document::{Fault, FieldPath, Node, Spot, read},
    errors::Source,
    load::{self, check_text, read_file},
    schema::{Label, Name},
    suggest::listed,
    yaml::{parse, tree},
};

/// A sweep that has been checked, with the text of its scenario.
#[derive(Clone, Debug)]
pub struct Sweep {
    spec: SweepSpec,
    text: Vec<u8>,
    base: Base,
    /// The kind of every algorithm of the scenario, by label: the key above its settings.
    kinds: IndexMap<Label, String>,
}

/// The scenario that is varied.
#[derive(Clone, Debug)]
struct Base {
    name: String,
    text: Vec<u8>,
    folder: std::path::PathBuf,
}

/// What a trial's point calls the fleet that it is on.
pub const FLEET: &str = "fleet";

/// Why a scenario cannot be swept.
const UNTRAINED: &str =
    "nothing is trained (`training: none`), so a sweep has nothing to choose by or to compare";

/// Reads the sweep at `path` and checks it: its language, the studies' references to each other, and every trial's
/// scenario. Trials that take up settings chosen in an earlier study are checked with the first trial of that study.
///
/// # Errors
/// What is wrong, each with its place in the sweep or in its scenario.
pub fn check_sweep(path: &Path) -> Result<Sweep, Vec<ScenarioError>> {
    let name = path.display().to_string();
    let bytes = read_file(path, "sweep", "scenarios/headline.sweep.yaml").map_err(|e| vec![e])?;
    let source = Source::new(name, &bytes);
    let root = parse(&bytes).map_err(|malformed| vec![source.malformed(malformed)])?;
    let spec: SweepSpec =
        read(&root, &FieldPath::root()).map_err(|fault| vec![source.fault(fault)])?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let base = Base::read(&folder.join(&spec.scenario)).map_err(|error| {
        let fault = Fault::value(FieldPath::root().key("scenario"), error.message().to_owned());
        vec![source.fault(fault)]
    })?;
    let scenario = base.with(&Settings::new())?;
    if !scenario.training.is_real() {
        let fault = Fault::value(FieldPath::root().key("scenario"), UNTRAINED);
        let help = "run it alone (`fleetune run`), or name a scenario that trains";
        return Err(vec![source.fault(fault.with_help(help))]);
    }
    let kinds = kinds(&scenario);
    let sweep = Sweep { spec, text: bytes, base, kinds };
    let mut faults = Vec::new();
    for (name, study) in &sweep.spec.studies {
        sweep.check_study(name, study, &mut faults);
    }
    sweep.check_page(&mut faults);
    if faults.is_empty() {
        sweep.check_trials(&mut faults);
    }
    match faults.is_empty() {
        true => Ok(sweep),
        false => Err(ScenarioError::sorted(faults.into_iter().map(|f| source.fault(f)).collect())),
    }
}

/// Whether the file at `path` is meant as a sweep. What cannot be read, or is no YAML, is not.
pub fn is_sweep(path: &Path) -> bool {
    let bytes = read_file(path, "sweep", "scenarios/headline.sweep.yaml");
    bytes.is_ok_and(|bytes| parse(&bytes).is_ok_and(|root| load::is_sweep(&root)))
}

impl Base {
    fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = read_file(path, "scenario", "scenarios/quickstart.yaml")?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        // Checked under its absolute place: a stored sweep must not depend on where it is read from.
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        Ok(Self { name: path.display().to_string(), text, folder })
    }

    fn with(&self, settings: &Settings) -> Result<Scenario, Vec<ScenarioError>> {
        let texts = settings.iter().map(|(path, value)| format!("{path}={value}"));
        check_text(&self.name, &self.text, &self.folder, &Overrides::parse(texts)?)
    }
}

fn kinds(scenario: &Scenario) -> IndexMap<Label, String> {
    let kind = |(label, config): (&Label, &_)| match tree(config) {
        Ok(Node::Map(map)) => Some((label.clone(), map.keys().next()?.clone())),
        _ => None,
    };
    scenario.algorithms.iter().filter_map(kind).collect()
}

impl Sweep {
    /// What its file says.
    pub fn spec(&self) -> &SweepSpec {
        &self.spec
    }

    /// Its file, byte for byte.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The base scenario with `settings`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn scenario(&self, settings: &Settings) -> Result<Scenario, Vec<ScenarioError>> {
        self.base.with(settings)
    }

    /// The trials of a study, by algorithm in the scenario's order, then by number. `chosen` gives the settings that
    /// an algorithm brings from an earlier study.
    pub fn trials(&self, name: &Name, chosen: &dyn Fn(&Label) -> Settings) -> Vec<Trial> {
        let Some(study) = self.spec.studies.get(name) else { return Vec::new() };
        let seeds = SeedTree::new(self.spec.seed).subtree(&format!("study {name}"), 0);
        let mut trials = Vec::new();
        for (label, kind) in &self.kinds {
            if !study.takes(label) {
                continue;
            }
            if !study.fleets.is_empty() {
                trials.extend(on_fleets(study, label, &chosen(label)));
                continue;
            }
            let none = IndexMap::new();
            let own = study.tune.get(label).unwrap_or(&none);
            let points = study.draw.points(&seeds, &study.vary, (label.as_str(), own));
            for (number, [shared, own]) in (0..).zip(points) {
                let mut settings = chosen(label);
                for (path, value) in &study.set {
                    settings.insert(path.clone(), yaml_text(value));
                }
                settings.extend(shared.clone());
                let inside = |field: &String| format!("algorithms.{label}.{kind}.{field}");
                settings.extend(own.iter().map(|(field, value)| (inside(field), value.clone())));
                let point = shared.into_iter().chain(own).collect();
                trials.push(Trial { algorithm: label.clone(), number, point, settings });
            }
        }
        trials
    }

    /// Settings of `label`'s own in a trial's settings: what a later study takes over.
    pub fn own_settings(label: &Label, settings: &Settings) -> Settings {
        let prefix = format!("algorithms.{label}.");
        let own = settings.iter().filter(|(path, _)| path.starts_with(&prefix));
        own.map(|(path, value)| (path.clone(), value.clone())).collect()
    }

    fn check_study(&self, name: &Name, study: &StudySpec, faults: &mut Vec<Fault>) {
        let path = FieldPath::root().key("studies").key(name.as_str());
        self.check_axes(study, &path, faults);
        check_fleets(study, &path, faults);
        let labels: Vec<&str> = self.kinds.keys().map(Label::as_str).collect();
        let mut known = |label: &Label, path: FieldPath| {
            if !labels.contains(&label.as_str()) {
                let fault = Fault::unknown("algorithm", label.as_str(), &labels);
                faults.push(Fault { path: Some(path), spot: Spot::Key, ..fault });
            }
        };
        for label in study.tune.keys() {
            known(label, path.key("tune").key(label.as_str()));
        }
        for (place, label) in study.algorithms.iter().flatten().enumerate() {
            known(label, path.key("algorithms").index(place));
        }
        if let Some(earlier) = &study.chosen_in {
            let before = self.spec.studies.iter().take_while(|(other, _)| *other != name);
            let choosers = before.filter(|(_, study)| study.choose.is_some());
            let choosers: Vec<&str> = choosers.map(|(name, _)| name.as_str()).collect();
            if !choosers.contains(&earlier.as_str()) {
                let message = format!("`{earlier}` is no earlier study that chooses");
                let help = format!("expected {}", listed(&choosers));
                faults.push(Fault::value(path.key("with"), message).with_help(help));
            }
        }
    }

    fn check_axes(&self, study: &StudySpec, path: &FieldPath, faults: &mut Vec<Fault>) {
        let own = study.tune.iter().flat_map(|(label, axes)| {
            let base = path.key("tune").key(label.as_str());
            axes.iter().map(move |(field, axis)| (base.key(field), axis))
        });
        let shared = study.vary.iter().map(|(field, axis)| (path.key("vary").key(field), axis));
        for (path, axis) in shared.chain(own) {
            if let Some(problem) = axis.problem() {
                faults.push(Fault::value(path, problem));
            } else if study.draw == Draw::Grid && axis.alternatives().is_none() {
                let help = "list the values, or write `draw: { latin_hypercube: 12 }`";
                let message = "a grid needs lists of values; found a range";
                faults.push(Fault::value(path, message).with_help(help));
            }
        }
        if study.draw != Draw::Grid && study.vary.is_empty() && study.tune.is_empty() {
            let message = "there are no axes to draw trials from";
            let help = "add `tune` or `vary`, or leave `draw` out";
            faults.push(Fault::value(path.key("draw"), message).with_help(help));
        }
        self.check_effort(study, path, faults);
    }

    /// How many trials a study has, over all its algorithms.
    pub fn trial_count(&self, name: &Name) -> usize {
        self.trials(name, &|_| Settings::new()).len()
    }

    /// A choice is fair only if every algorithm has the same number of trials.
    fn check_effort(&self, study: &StudySpec, path: &FieldPath, faults: &mut Vec<Fault>) {
        if study.choose.is_none() || study.draw != Draw::Grid {
            return;
        }
        let size = |axes: &IndexMap<String, Axis>| -> usize {
            axes.values().map(|axis| axis.alternatives().unwrap_or(1)).product()
        };
        let none = IndexMap::new();
        let labels = self.kinds.keys().filter(|label| study.takes(label));
        let sizes: Vec<(&Label, usize)> =
            labels.map(|label| (label, size(study.tune.get(label).unwrap_or(&none)))).collect();
        let Some((first, wanted)) = sizes.first() else { return };
        if let Some((label, found)) = sizes.iter().find(|(_, size)| size != wanted) {
            let message = format!(
                "{label} has {found} trials where {first} has {wanted}: the choice would not be fair"
            );
            let help = "give every algorithm the same number, or draw them from larger axes";
            faults.push(Fault::key(path.key("tune").key(label.as_str()), message).with_help(help));
        }
    }

    fn check_page(&self, faults: &mut Vec<Fault>) {
        let Some(page) = &self.spec.page else { return };
        let path = FieldPath::root().key("page");
        let studies: Vec<&str> = self.spec.studies.keys().map(Name::as_str).collect();
        let mut known = |name: &Name, path: FieldPath| {
            if !studies.contains(&name.as_str()) {
                let fault = Fault::unknown("study", name.as_str(), &studies);
                faults.push(Fault { path: Some(path), ..fault });
            }
        };
        known(&page.compare, path.key("compare"));
        let Thresholds { accuracy, loss } = &page.thresholds;
        let sane = |(field, values, most): (&str, &[f64], f64)| {
            let path = path.key("thresholds").key(field);
            let wrong = values.iter().position(|v| !(*v > 0.0 && *v <= most));
            let message = format!("expected a number above 0 and at most {most}");
            wrong.map(|place| Fault::value(path.index(place), message))
        };
        let all = [("accuracy", &accuracy[..], 1.0), ("loss", &loss[..], f64::MAX)];
        let insane: Vec<Fault> = all.into_iter().filter_map(sane).collect();
        if let Some(ablation) = &page.ablation {
            known(&ablation.study, path.key("ablation").key("study"));
        }
        let labels: Vec<&str> = self.kinds.keys().map(Label::as_str).collect();
        let controls = page.controls.iter().zip(0..);
        let controls = controls.map(|(label, place)| (label, path.key("controls").index(place)));
        for (label, path) in controls.chain([(&page.reference, path.key("reference"))]) {
            if !self.kinds.contains_key(label) {
                let fault = Fault::unknown("algorithm", label.as_str(), &labels);
                faults.push(Fault { path: Some(path), ..fault });
            }
        }
        faults.extend(insane);
    }

    /// Every trial is a scenario that can be run.
    fn check_trials(&self, faults: &mut Vec<Fault>) {
        let mut first: IndexMap<(Name, Label), Settings> = IndexMap::new();
        for (name, study) in &self.spec.studies {
            let chosen = |label: &Label| {
                let earlier = study.chosen_in.as_ref();
                let found = earlier.and_then(|name| first.get(&(name.clone(), label.clone())));
                found.cloned().unwrap_or_default()
            };
            let trials = self.trials(name, &chosen);
            for trial in trials {
                match self.base.with(&trial.settings) {
                    Ok(scenario) if scenario.training.is_real() => (),
                    Ok(_) => {
                        let path = FieldPath::root().key("studies").key(name.as_str());
                        faults.push(Fault::value(path, UNTRAINED));
                    }
                    Err(errors) => faults
                        .extend(errors.first().map(|error| in_trial(name, study, &trial, error))),
                }
                let own = Self::own_settings(&trial.algorithm, &trial.settings);
                first.entry((name.clone(), trial.algorithm)).or_insert(own);
            }
        }
    }
}

impl StudySpec {
    /// Whether an algorithm takes part.
    pub(super) fn takes(&self, label: &Label) -> bool {
        match &self.algorithms {
            Some(labels) => labels.contains(label),
            None => self.tune.is_empty() || self.tune.contains_key(label),
        }
    }
}

/// One trial on each fleet.
fn on_fleets<'a>(
    study: &'a StudySpec,
    label: &'a Label,
    chosen: &'a Settings,
) -> impl Iterator<Item = Trial> + 'a {
    (0..).zip(&study.fleets).map(move |(number, (fleet, fields))| {
        let mut settings = chosen.clone();
        let set = study.set.iter().map(|(path, value)| (path.clone(), yaml_text(value)));
        settings.extend(set);
        let field =
            |(field, value): (&String, &Value)| (format!("fleet.{field}"), yaml_text(value));
        settings.extend(fields.iter().map(field));
        let point = Settings::from([(FLEET.to_owned(), fleet.to_string())]);
        Trial { algorithm: label.clone(), number, point, settings }
    })
}

/// Fleets are compared at the same settings: a search on them would be another study.
fn check_fleets(study: &StudySpec, path: &FieldPath, faults: &mut Vec<Fault>) {
    if study.fleets.is_empty() {
        return;
    }
    let searches = [
        ("vary", !study.vary.is_empty()),
        ("tune", !study.tune.is_empty()),
        ("draw", study.draw != Draw::Grid),
        ("choose", study.choose.is_some()),
    ];
    for (field, _) in searches.into_iter().filter(|(_, present)| *present) {
        let message =
            "a study on several `fleets` runs every algorithm once on each, and searches nothing";
        let help = "search in an earlier study, and take its settings up: `with: <that study>`";
        faults.push(Fault::key(path.key(field), message).with_help(help));
    }
}

fn in_trial(name: &Name, study: &StudySpec, trial: &Trial, error: &ScenarioError) -> Fault {
    let path = FieldPath::root().key("studies").key(name.as_str());
    let label = &trial.algorithm;
    let path = match (study.tune.contains_key(label), trial.point.get(FLEET)) {
        (true, _) => path.key("tune").key(label.as_str()),
        (false, Some(fleet)) if !study.fleets.is_empty() => path.key("fleets").key(fleet),
        (false, _) => path,
    };
    let number = trial.number + 1;
    let message = format!(
        "trial {number} of {label} is no scenario that can be run: {}: {}",
        error.path(),
        error.message()
    );
    let fault = Fault::key(path, message);
    match error.help() {
        Some(help) => fault.with_help(help),
        None => fault,
    }
}
