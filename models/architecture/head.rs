use super::FeedForward;

/// What a classifier's head costs depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadShape {
    /// It reads the mean of the states, brought to length one.
    Mean {
        /// Classes, C.
        classes: usize,
    },
    /// It reads the state of one token, and scores a word of one token for each class.
    Words {
        /// Classes, C.
        classes: usize,
        /// The activation of a masked model's transform, with which comes a bias for every word.
        transform: Option<FeedForward>,
    },
    /// It scores options of several tokens by the whole vocabulary.
    Options {
        /// Tokens of the option of each class.
        tokens: Vec<usize>,
        /// Whether the output embeddings are the input's, unless either trains.
        tied: bool,
    },
}

impl HeadShape {
    /// Classes, C.
    pub fn classes(&self) -> usize {
        match self {
            Self::Mean { classes } | Self::Words { classes, .. } => *classes,
            Self::Options { tokens, .. } => tokens.len(),
        }
    }

    /// How often a text is read in a forward: once, or with each option.
    pub fn sequences(&self) -> usize {
        match self {
            Self::Mean { .. } | Self::Words { .. } => 1,
            Self::Options { tokens, .. } => tokens.len(),
        }
    }

    /// By how many tokens an option makes a text longer, at most.
    pub fn appended(&self) -> usize {
        match self {
            Self::Mean { .. } | Self::Words { .. } => 0,
            Self::Options { tokens, .. } => tokens.iter().copied().max().unwrap_or(0),
        }
    }
}

impl From<usize> for HeadShape {
    /// Of the head that reads the mean, for so many classes.
    fn from(classes: usize) -> Self {
        Self::Mean { classes }
    }
}
