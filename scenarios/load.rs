use std::{fs::File, io::Read, path::Path};

use crate::{
    Overrides, Scenario, ScenarioError, checks,
    document::{Fault, FieldPath, Node},
    draft::Draft,
    errors::Source,
    sections::Sections,
    yaml::{LONGEST, Malformed, parse},
};

/// Reads the scenario at `path`, applies `overrides` and checks everything that can be checked without running it:
/// the language, the ranges, what fields mean together, and the files it names.
///
/// Relative paths in the scenario are taken from its own folder.
///
/// # Errors
/// Everything that is wrong, in the order of the file; at least one error.
pub fn check(path: &Path, overrides: &Overrides) -> Result<Scenario, Vec<ScenarioError>> {
    let name = path.display().to_string();
    let bytes = read_file(path, "scenario", "scenarios/quickstart.yaml").map_err(|e| vec![e])?;
    let folder = path.parent().unwrap_or(Path::new(""));
    check_text(&name, &bytes, folder, overrides)
}

/// A file's bytes; `what` it is to be, and an `example` of one.
pub(crate) fn read_file(path: &Path, what: &str, example: &str) -> Result<Vec<u8>, ScenarioError> {
    let mut bytes = Vec::new();
    // One byte more than is read: a device file without an end is refused like any file that is too long.
    let read =
        File::open(path).and_then(|file| file.take(LONGEST as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        let message = format!("cannot read the {what}: {error}");
        let help = format!("give the path of a {what} file, such as {example}");
        let malformed = Malformed { position: None, message, help: Some(help) };
        Source::new(path.display().to_string(), &[]).malformed(malformed)
    })?;
    Ok(bytes)
}

/// As [`check`], for a text that is not in a file: errors call it `name`, relative paths are taken from `folder`.
///
/// # Errors
/// As [`check`].
pub fn check_text(
    name: &str,
    bytes: &[u8],
    folder: &Path,
    overrides: &Overrides,
) -> Result<Scenario, Vec<ScenarioError>> {
    read_text(name, bytes, folder, overrides).map(|read| read.scenario)
}

/// A scenario, and what it was read from.
pub(crate) struct Sealed {
    pub(crate) scenario: Scenario,
    pub(crate) source: Source,
    /// The document, overrides applied.
    pub(crate) given: Node,
}

/// [`check_text`], with what was read.
pub(crate) fn read_text(
    name: &str,
    bytes: &[u8],
    folder: &Path,
    overrides: &Overrides,
) -> Result<Sealed, Vec<ScenarioError>> {
    let mut source = Source::new(name.to_owned(), bytes);
    let mut root = parse(bytes).map_err(|malformed| vec![source.malformed(malformed)])?;
    if is_sweep(&root) {
        let message = "this is a sweep, not a scenario";
        let fault = Fault::key(FieldPath::root().key(STUDIES), message);
        return Err(located(&source, vec![fault.with_help("run it with `fleetune sweep`")]));
    }
    source.applied = overrides.apply(&mut root)?;
    let given = root.clone();
    let mut sections = Sections::new(root);
    if !sections.is_scenario() {
        return Err(located(&source, sections.faults));
    }
    let mut draft = Draft::read(&mut sections);
    source.respelt = std::mem::take(&mut sections.respelt);
    let mut faults = sections.faults;
    let inputs = checks::run(&mut draft, folder, &mut faults);
    if !faults.is_empty() {
        return Err(located(&source, faults));
    }
    // Whatever is missing here has left a fault above.
    let (Some(spec), Some(inputs)) = (draft.complete(), inputs) else {
        let fault = Fault::value(FieldPath::root(), "the scenario could not be read");
        return Err(located(&source, vec![fault]));
    };
    match Scenario::seal(spec, inputs) {
        Ok(scenario) => Ok(Sealed { scenario, source, given }),
        Err(error) => {
            let message = format!("the scenario cannot be written out again: {error}");
            Err(located(&source, vec![Fault::value(FieldPath::root(), message)]))
        }
    }
}

/// The key that only sweeps have.
const STUDIES: &str = "studies";

/// Whether a document was meant as a sweep.
pub(crate) fn is_sweep(root: &Node) -> bool {
    matches!(root, Node::Map(map) if map.contains_key(STUDIES))
}

fn located(source: &Source, faults: Vec<Fault>) -> Vec<ScenarioError> {
    /// Each costs one more pass over the text, and nobody reads further.
    const MOST: usize = 50;
    ScenarioError::sorted(faults.into_iter().take(MOST).map(|fault| source.fault(fault)).collect())
}
