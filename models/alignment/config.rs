//! How a scenario says it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// How the model's head is aligned with the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignmentConfig {
    /// By the embeddings of the classes' prompts: for models without a language-model head, such as sentence encoders.
    #[default]
    Prompts,
    /// By a template and label words, which the model's language-model head scores.
    LabelWords(LabelWordsConfig),
}

/// A template, and a word for each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelWordsConfig {
    /// What every text stands in, such as `{text} It was {mask}.`: `{text}` once, and `{mask}` once, which is where the
    /// word is to be predicted. A causal model predicts what comes next: there `{mask}` is the end.
    pub template: String,
    /// The word of each class, by the class's name. A masked model's words are one token each; a causal model's may be of
    /// several, which then are scored as options.
    pub words: IndexMap<String, String>,
    /// What is left out of texts that are too long: the template never is. The default is `end`.
    #[serde(default)]
    pub cut: Cut,
}

/// The part of a long text that is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Its end, as LM-BFF does.
    #[default]
    End,
    /// Its start, as MeZO does for OPT.
    Start,
}

impl AlignmentConfig {
    /// Whether it is the default.
    pub fn is_prompts(&self) -> bool {
        *self == Self::Prompts
    }
}
