//! Task alignment: heads that know something of the task before any of it is learnt.
//!
//! With a random head zeroth order goes nowhere. Published zeroth-order methods therefore put a task into the form of what
//! the model was pretrained on (Gao et al. 2021, LM-BFF; Malladi et al. 2023, MeZO): a text stands in a template, and
//! classes are words that the pretrained head predicts. [`LabelWords`] does that for models with their language-model head,
//! masked and causal ones; a sentence encoder's analogue, for models without one, is the head of class prompts
//! ([`aligned`]).

mod config;
mod prompts;
mod template;
mod words;

pub use self::{
    config::{AlignmentConfig, Cut, LabelWordsConfig},
    prompts::{LOGIT_SCALE, aligned},
    template::{Template, TemplateError},
    words::{AlignmentError, LabelWords},
};
