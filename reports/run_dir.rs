//! Where a run is stored: claimed at the start, filled under a temporary name, renamed when done.
//!
//! # Guarantees
//!
//! 1. Nothing that exists is overwritten; a name that is taken gets a suffix, `-2`, `-3`, ...
//! 2. A directory without `.partial` in its name is complete: the rename is one step.
//! 3. Whatever a scenario calls itself, its directory is a direct child of the given root.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::ReportError;

/// What is behind the name of a directory that is being filled.
const PARTIAL: &str = ".partial";

/// A run directory that is being filled. Write into [`path`](Self::path), then
/// [`finish`](Self::finish). If it is dropped before, what was written stays under the temporary
/// name, so that a run that was killed can be looked into and cannot be mistaken for a whole one.
#[derive(Debug)]
#[must_use = "the directory gets its name when `finish` is called"]
pub struct RunDir {
    partial: PathBuf,
    goal: Goal,
    finished: bool,
}

#[derive(Debug)]
enum Goal {
    /// This name, or the first free one with a suffix.
    Numbered(PathBuf),
    /// Exactly this name, which must be free or an empty directory.
    Exact(PathBuf),
}

impl RunDir {
    /// Claims `<root>/<name>-<hash8>`, where `hash` is the scenario's hash in hexadecimal.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn create(root: &Path, name: &str, hash: &str) -> Result<Self, ReportError> {
        fs::create_dir_all(root).map_err(ReportError::io("create", root))?;
        let name = directory_name(name, hash);
        Self::claim(root, &name, Goal::Numbered(root.join(&name)))
    }

    /// Claims exactly `out`.
    ///
    /// # Errors
    /// [`ReportError::OutputNotEmpty`] if it holds something; the file system refuses.
    pub fn create_exactly(out: &Path) -> Result<Self, ReportError> {
        check_free(out)?;
        let name = out.file_name().ok_or_else(|| ReportError::Io {
            action: "create",
            path: out.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "it does not name a directory"),
        })?;
        let root = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(root).map_err(ReportError::io("create", root))?;
        Self::claim(root, &name.to_string_lossy(), Goal::Exact(out.to_owned()))
    }

    /// Goes on filling a directory that was claimed before and not finished: `<name>.partial`, or with a number behind it.
    /// `exactly` if it was claimed by [`Self::create_exactly`]. `None` if it does not have such a name.
    pub fn reopen(partial: &Path, exactly: bool) -> Option<Self> {
        let name = partial.file_name()?.to_str()?;
        let (name, number) = name.rsplit_once(PARTIAL)?;
        let numbered = number.strip_prefix('-').is_some_and(|n| n.parse::<u64>().is_ok());
        if name.is_empty() || !(number.is_empty() || numbered) {
            return None;
        }
        let goal = partial.with_file_name(name);
        let goal = if exactly { Goal::Exact(goal) } else { Goal::Numbered(goal) };
        Some(Self { partial: partial.to_owned(), goal, finished: false })
    }

    /// Creating a directory either succeeds or finds it there: of several processes with the
    /// same name, each gets its own.
    fn claim(root: &Path, name: &str, goal: Goal) -> Result<Self, ReportError> {
        for number in 1_u64.. {
            let partial = numbered(&root.join(format!("{name}{PARTIAL}")), number);
            match fs::create_dir(&partial) {
                Ok(()) => return Ok(Self { partial, goal, finished: false }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(ReportError::io("create", partial)(e)),
            }
        }
        unreachable!("some number below 2^64 is free")
    }

    /// Whether the directory was asked for by its name ([`Self::create_exactly`]).
    pub fn is_exact(&self) -> bool {
        matches!(self.goal, Goal::Exact(_))
    }

    /// Where to write until the run is finished.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Gives the directory its name and returns it.
    ///
    /// # Errors
    /// The name asked for with `--out` was taken meanwhile, or the file system refuses. What was
    /// written is still under [`path`](Self::path)'s name.
    pub fn finish(mut self) -> Result<PathBuf, ReportError> {
        let goal = match &self.goal {
            Goal::Exact(out) => {
                check_free(out)?;
                // Some systems rename onto an empty directory, some do not.
                let _ = fs::remove_dir(out);
                fs::rename(&self.partial, out).map_err(ReportError::io("rename to", out))?;
                out.clone()
            }
            Goal::Numbered(wanted) => rename_to_free(&self.partial, wanted)?,
        };
        self.finished = true;
        Ok(goal)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if !self.finished {
            // Removes an empty directory only: nothing is lost with it.
            let _ = fs::remove_dir(&self.partial);
        }
    }
}

fn rename_to_free(partial: &Path, wanted: &Path) -> Result<PathBuf, ReportError> {
    for number in 1_u64.. {
        let goal = numbered(wanted, number);
        if goal.symlink_metadata().is_ok() {
            continue;
        }
        match fs::rename(partial, &goal) {
            Ok(()) => return Ok(goal),
            // Another process took the name since we looked.
            Err(_) if goal.symlink_metadata().is_ok() => {}
            Err(e) => return Err(ReportError::io("rename to", goal)(e)),
        }
    }
    unreachable!("some number below 2^64 is free")
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-{number}"));
    name.into()
}

fn check_free(out: &Path) -> Result<(), ReportError> {
    match fs::read_dir(out) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(ReportError::OutputNotEmpty { path: out.to_owned() }),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(ReportError::io("use", out)(e)),
    }
}

/// `<name>-<hash8>` from ASCII letters, digits, `_`, `-` and inner dots alone.
fn directory_name(name: &str, hash: &str) -> String {
    let mut clean = String::new();
    for c in name.chars().take(200) {
        let keep = c.is_ascii_alphanumeric() || c == '_' || (c == '.' && !clean.is_empty());
        if keep {
            clean.push(c);
        } else if !clean.is_empty() && !clean.ends_with('-') {
            clean.push('-');
        }
    }
    clean.truncate(60);
    let clean = clean.trim_matches(['-', '.']);
    let clean = if clean.is_empty() { "run" } else { clean };
    let hash = hash.chars().filter(char::is_ascii_alphanumeric).take(8).collect::<String>();
    format!("{clean}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::directory_name;

    #[test]
    fn names_are_one_harmless_path_component() {
        let name = |text| directory_name(text, "0123456789abcdef");
        assert_eq!(name("quickstart"), "quickstart-01234567");
        assert_eq!(name("../../etc/passwd"), "etc-passwd-01234567");
        assert_eq!(name("/abs"), "abs-01234567");
        assert_eq!(name("C:\\x\0y\n"), "C-x-y-01234567");
        assert_eq!(name("..."), "run-01234567");
        assert_eq!(name(""), "run-01234567");
        assert_eq!(name("phones v1.2"), "phones-v1.2-01234567");
        assert_eq!(name("Ärger 🙂"), "rger-01234567");
        assert!(name(&"x".repeat(5000)).len() < 80);
        assert_eq!(directory_name("a", "../../"), "a-");
    }
}
