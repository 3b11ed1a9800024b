use std::path::PathBuf;

/// Why a model, a tokenizer or a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file of the checkpoint cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file was read, but its content is not what a checkpoint needs.
    #[error("{file}: {reason}")]
    Malformed {
        /// The file, or "embedded model".
        file: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A tensor that the architecture needs is not in the checkpoint.
    #[error("{file}: tensor `{tensor}` is missing; the architecture in config.json needs it")]
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
    },
    /// A tensor has another shape than the architecture says.
    #[error("{file}: tensor `{tensor}` has shape {found:?}, but config.json asks for {expected:?}")]
    Shape {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape the architecture asks for.
        expected: Vec<usize>,
    },
    /// A checkpoint that is not in the cache of Hugging Face's tools.
    #[error("{name}: {reason}")]
    Hub {
        /// Its name.
        name: String,
        /// Why it is not found, and what to do.
        reason: String,
    },
    /// The architecture itself is impossible.
    #[error("impossible architecture: {0}")]
    Architecture(String),
    /// The tokenizer cannot be built or cannot encode a text.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
}

impl ModelError {
    /// The same, naming the file that it was found in, where it does not yet.
    pub(crate) fn in_file(self, file: &str) -> Self {
        match self {
            Self::Architecture(_) => {
                Self::Malformed { file: file.to_owned(), reason: self.to_string() }
            }
            Self::Tokenizer(reason) => Self::Tokenizer(format!("{file}: {reason}")),
            _ => self,
        }
    }
}
