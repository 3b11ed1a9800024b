//! A template and label words in a model's own tokens.

use std::collections::BTreeMap;

use super::{Cut, LabelWordsConfig, Template, TemplateError};
use crate::{
    ModelError,
    architecture::HeadShape,
    batch::Encoded,
    checkpoint::Checkpoint,
    families::ModelConfig,
    tokenizer::Tokenizer,
    transformer::{Head, LanguageHead, Place},
};

/// How a task's texts are read and its classes are scored by a pretrained language-model head.
///
/// Template and text are tokenised piece by piece, so that the template has the same tokens around every text. A space
/// before a placeholder belongs to what takes its place, as in byte-level vocabularies, where a word has another token
/// behind a space; vocabularies that begin every piece with a word of its own have it anyway.
#[derive(Clone, Debug)]
pub struct LabelWords {
    /// What stands before the text, special tokens included.
    before: Vec<u32>,
    /// What stands behind it.
    after: Vec<u32>,
    /// The word of each class.
    words: Vec<Vec<u32>>,
    /// Where a word is predicted.
    place: Place,
    /// Tokens that a text may have.
    room: usize,
    cut: Cut,
    /// Whether a text comes with the space before it.
    spaced: bool,
    tokenizer: Tokenizer,
    /// Of the language-model head: `Words` or `Options`.
    shape: HeadShape,
}

/// Why label words cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlignmentError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The word of one class.
    #[error("{problem}")]
    Word {
        /// The class.
        class: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A class has no word.
    #[error("{0}")]
    Missing(String),
    /// The longest input has no room for the template.
    #[error(
        "{max_length} tokens; template, special tokens and the longest word take {taken} of them, which leaves no room for \
         a text: expected at least {}", taken + 1
    )]
    Room {
        /// Tokens of the longest input.
        max_length: usize,
        /// Of these without any text.
        taken: usize,
    },
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl LabelWords {
    /// What a scenario says, in the tokens of a checkpoint, for texts of at most `max_length` tokens.
    ///
    /// # Errors
    /// If the template or a word does not fit the model or the classes, or the checkpoint has no language-model head.
    pub fn new(
        config: &LabelWordsConfig,
        classes: &[&str],
        checkpoint: &Checkpoint,
        max_length: usize,
    ) -> Result<Self, AlignmentError> {
        checkpoint.check(true)?;
        let causal = checkpoint.config.is_causal();
        let template = match causal {
            true => Template::parse_causal(&config.template)?,
            false => Template::parse(&config.template)?,
        };
        let pieces = Pieces::new(checkpoint.tokenizer(max_length)?.uncut()?)?;
        let (text_first, word_first) = (!template.word_first, template.word_first);
        let [first, between, last] = &template.literals;
        let ([first, between], spaces) = cut_spaces([first, between]);
        let [start, end] = pieces.tokenizer.special()?;
        let mut before = [start, pieces.literal(first, false)?].concat();
        let mut after = pieces.literal(between, true)?;
        let mut place = Place::FromEnd(0);
        if !causal {
            let mask = mask(&pieces.tokenizer, checkpoint)?;
            let last = pieces.literal(last, true)?;
            if word_first {
                place = Place::FromStart(before.len());
                before.extend([mask].into_iter().chain(after));
                after = [last, end].concat();
            } else {
                place = Place::FromEnd(last.len() + end.len());
                after.extend([mask].into_iter().chain(last).chain(end));
            }
        }
        let [text_spaced, word_spaced] =
            [spaces[usize::from(word_first)], spaces[usize::from(text_first)]];
        let words = in_order(config, classes)?;
        let words = pieces.words(classes, &words, word_spaced, causal)?;
        let shape = shape(&words, &checkpoint.config);
        let taken = before.len() + after.len() + shape.appended();
        if taken >= max_length {
            return Err(AlignmentError::Room { max_length, taken });
        }
        let Pieces { tokenizer, spaced } = pieces;
        let spaced = spaced && text_spaced;
        let room = max_length - taken;
        Ok(Self { before, after, words, place, room, cut: config.cut, spaced, tokenizer, shape })
    }

    /// The ids of a text in the template; without an option, where options are scored.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer's own pipeline fails.
    pub fn encode(&self, text: &str, label: usize) -> Result<Encoded, ModelError> {
        let spaced = if self.spaced { format!(" {text}") } else { text.to_owned() };
        let tokens = self.tokenizer.part(&spaced)?;
        let beyond = tokens.len().saturating_sub(self.room);
        let kept = match self.cut {
            Cut::End => &tokens[..tokens.len() - beyond],
            Cut::Start => &tokens[beyond..],
        };
        Ok(Encoded { ids: [&self.before, kept, &self.after].concat(), label })
    }

    /// The head that scores the words.
    pub fn head(&self, pretrained: LanguageHead) -> Head {
        match &self.shape {
            HeadShape::Options { .. } => pretrained.of_options(self.words.clone()),
            _ => pretrained.of_words(&self.words.concat(), self.place),
        }
    }

    /// All that its costs depend on.
    pub fn shape(&self) -> &HeadShape {
        &self.shape
    }

    /// The tokens of each class's word.
    pub fn words(&self) -> &[Vec<u32>] {
        &self.words
    }
}

/// Whether the words are scored in one forward, or as options.
fn shape(words: &[Vec<u32>], model: &ModelConfig) -> HeadShape {
    let (classes, pretrained) = (words.len(), model.language_head());
    match words.iter().all(|word| word.len() == 1) {
        true => HeadShape::Words { classes, transform: pretrained.transform },
        false => HeadShape::Options {
            tokens: words.iter().map(Vec::len).collect(),
            tied: pretrained.tied,
        },
    }
}

/// What stands before each placeholder without the space at its end, and whether there was one.
fn cut_spaces(literals: [&String; 2]) -> ([&str; 2], [bool; 2]) {
    let cut = literals.map(|literal| literal.strip_suffix(' '));
    let left = [0, 1].map(|i| cut[i].unwrap_or(literals[i].as_str()));
    (left, cut.map(|cut| cut.is_some()))
}

/// The token that stands for a masked word.
fn mask(tokenizer: &Tokenizer, checkpoint: &Checkpoint) -> Result<u32, ModelError> {
    let names = ["[MASK]", "<mask>"];
    let found = names.iter().find_map(|name| tokenizer.id(name));
    found.ok_or_else(|| {
        let family = checkpoint.config.family();
        let reason =
            format!("a {family:?} model predicts at a mask, and there is no token {names:?}");
        ModelError::Tokenizer(reason).in_file(&checkpoint.tokenizer_file())
    })
}

/// The words in the order of the classes.
fn in_order<'a>(
    config: &'a LabelWordsConfig,
    classes: &[&str],
) -> Result<Vec<&'a str>, AlignmentError> {
    let listed = || classes.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    if let Some(class) = config.words.keys().find(|word| !classes.contains(&word.as_str())) {
        let problem = format!("the task has no class `{class}`: its classes are {}", listed());
        return Err(AlignmentError::Word { class: class.clone(), problem });
    }
    let word = |class: &&str| {
        config.words.get(*class).map(String::as_str).ok_or_else(|| {
            let (given, needed) = (config.words.len(), classes.len());
            AlignmentError::Missing(format!(
                "class `{class}` has no word: expected one for each of the {needed} classes, found {given}"
            ))
        })
    };
    classes.iter().map(word).collect()
}

/// A tokenizer that is given a text piece by piece.
struct Pieces {
    tokenizer: Tokenizer,
    /// Whether words behind a space have other tokens than those at the start of a piece.
    spaced: bool,
}

impl Pieces {
    fn new(tokenizer: Tokenizer) -> Result<Self, ModelError> {
        let (together, second) = (tokenizer.part("a b")?, tokenizer.part("b")?);
        Ok(Self { spaced: !together.ends_with(&second), tokenizer })
    }

    /// A part of the template; `within`: it is not the first.
    fn literal(&self, text: &str, within: bool) -> Result<Vec<u32>, ModelError> {
        let unspaced = text.strip_prefix(' ').filter(|_| within && !self.spaced);
        self.tokenizer.part(unspaced.unwrap_or(text))
    }

    /// The tokens of every class's word.
    fn words(
        &self,
        classes: &[&str],
        words: &[&str],
        spaced: bool,
        causal: bool,
    ) -> Result<Vec<Vec<u32>>, AlignmentError> {
        let mut known: BTreeMap<Vec<u32>, &str> = BTreeMap::new();
        let mut all = Vec::with_capacity(words.len());
        for (&class, &word) in classes.iter().zip(words) {
            let wrong = |problem: String| {
                let class = class.to_owned();
                Err(AlignmentError::Word { class, problem })
            };
            let text = if spaced && self.spaced {
                format!(" {}", word.trim())
            } else {
                word.trim().to_owned()
            };
            let tokens = self.tokenizer.part(&text)?;
            if tokens.is_empty() {
                return wrong("expected a word; found nothing".to_owned());
            }
            if self.tokenizer.unknown().is_some_and(|unknown| tokens.contains(&unknown)) {
                return wrong(format!("`{word}` is not in the model's vocabulary"));
            }
            if !causal && tokens.len() > 1 {
                let count = tokens.len();
                return wrong(format!(
                    "`{word}` is {count} tokens of the model's vocabulary: a masked model predicts one"
                ));
            }
            if let Some(other) = known.insert(tokens.clone(), class) {
                return wrong(format!("`{word}` is the word of class `{other}` too"));
            }
            all.push(tokens);
        }
        Ok(all)
    }
}
