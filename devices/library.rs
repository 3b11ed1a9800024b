//! The shipped profiles, compiled in, and those that a scenario brings along.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{error::LibraryError, profile::Profile};

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        /// (file, text) of every shipped profile, in the order in which they are listed.
        const SHIPPED: &[(&str, &str)] = &[
            $((
                concat!("scenarios/profiles/", $name, ".yaml"),
                include_str!(concat!("../scenarios/profiles/", $name, ".yaml")),
            )),+
        ];
    };
}
include!("shipped.in");

/// Profiles by name, in a stable order: the shipped ones first, as listed, then a scenario's own.
#[derive(Debug, Clone, Default)]
pub struct Profiles(IndexMap<String, Arc<Profile>>);

impl Profiles {
    /// No profile at all.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Every profile that comes with the program.
    ///
    /// # Errors
    /// A shipped file is broken; a test rules that out.
    pub fn shipped() -> Result<Self, LibraryError> {
        let mut profiles = Self::empty();
        for &(file, text) in SHIPPED {
            let profile: Profile = serde_yaml::from_str(text)
                .map_err(|source| LibraryError::Invalid { file, source })?;
            let name = profile.name.to_string();
            if !file.ends_with(&format!("/{name}.yaml")) || profiles.get(&name).is_some() {
                return Err(LibraryError::Misnamed { file, name });
            }
            profiles.insert(profile);
        }
        Ok(profiles)
    }

    /// Adds a profile, or replaces the one of the same name in its place.
    pub fn insert(&mut self, profile: Profile) {
        self.0.insert(profile.name.to_string(), Arc::new(profile));
    }

    /// The profile of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Profile>> {
        self.0.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All profiles, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.0.values()
    }

    /// The file and text of every shipped profile.
    pub fn shipped_texts() -> &'static [(&'static str, &'static str)] {
        SHIPPED
    }
}
