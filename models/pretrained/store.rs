use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{InstallError, Package};

/// Where installed models are: one folder for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The environment variable that says where it is.
    pub const VARIABLE: &str = "FLEETUNE_MODELS";

    /// A store in this folder, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The user's: the folder that [`Self::VARIABLE`] names, or else `fleetune/models` where programs keep data
    /// (`$XDG_DATA_HOME`, `~/.local/share`, `%LOCALAPPDATA%`).
    ///
    /// # Errors
    /// If the environment has none of these, or [`Self::VARIABLE`] is relative and would move with the working directory.
    pub fn of_user() -> Result<Self, InstallError> {
        Self::found(|name| std::env::var_os(name))
    }

    /// As [`Self::of_user`], for an environment. What is relative there though it must not be, or empty, is not set.
    fn found(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, InstallError> {
        let folder =
            |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        match variable(Self::VARIABLE).map(PathBuf::from) {
            Some(root) if root.is_absolute() => return Ok(Self::new(root)),
            Some(root) if !root.as_os_str().is_empty() => {
                return Err(InstallError::RelativeStore { path: root });
            }
            _ => {}
        }
        let home = || folder("HOME").map(|home| home.join(".local/share"));
        let data = folder("XDG_DATA_HOME").or_else(home).or_else(|| folder("LOCALAPPDATA"));
        Ok(Self::new(data.ok_or(InstallError::NoStore)?.join("fleetune/models")))
    }

    /// The store's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a package's model is, if it is installed.
    pub fn folder(&self, package: &Package) -> PathBuf {
        self.root.join(package.folder())
    }
}

#[cfg(test)]
mod tests {
    use super::Store;

    #[test]
    fn the_first_absolute_place_is_taken() {
        let store = |set: &[(&str, &str)]| {
            let variable = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            };
            Store::found(variable).map(|store| store.root().display().to_string()).ok()
        };
        let found = |path: &str| Some(path.to_owned());
        let (own, data, home) =
            (("FLEETUNE_MODELS", "/own"), ("XDG_DATA_HOME", "/data"), ("HOME", "/home/ada"));
        assert_eq!(store(&[home, data, own]), found("/own"));
        assert_eq!(store(&[home, data]), found("/data/fleetune/models"));
        assert_eq!(store(&[home]), found("/home/ada/.local/share/fleetune/models"));
        for unset in ["", "here"] {
            assert_eq!(store(&[("XDG_DATA_HOME", unset), home]), store(&[home]));
            assert_eq!(store(&[("HOME", unset)]), None);
        }
        assert_eq!(store(&[("FLEETUNE_MODELS", ""), home]), store(&[home]));
        assert_eq!(store(&[("FLEETUNE_MODELS", "here"), home]), None, "it would move");
        assert_eq!(store(&[]), None);
    }
}
