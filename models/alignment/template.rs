//! The text around a text.

/// A template: what stands before, between and behind its two placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Before the first placeholder, between the two, behind the second.
    pub(super) literals: [String; 3],
    /// Whether the word to be predicted comes before the text.
    pub(super) word_first: bool,
}

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A name in braces that means nothing.
    #[error("unknown placeholder `{{{0}}}`: expected `{{text}}` or `{{mask}}`")]
    Unknown(String),
    /// A placeholder that is missing, or is there again.
    #[error("`{{{placeholder}}}` stands {count} times in the template: expected once")]
    Count {
        /// Its name.
        placeholder: &'static str,
        /// How often it is there.
        count: usize,
    },
    /// A brace without its other.
    #[error("a single `{0}`: braces stand around the placeholders `{{text}}` and `{{mask}}` alone")]
    Brace(char),
    /// Of a causal model: something comes after the word.
    #[error(
        "`{0}` stands behind `{{mask}}`: this model predicts what comes next, so that `{{mask}}` must be the end"
    )]
    Behind(String),
}

const TEXT: &str = "text";
const MASK: &str = "mask";

impl Template {
    /// Takes a template apart.
    ///
    /// # Errors
    /// If a placeholder is unknown, missing or there twice, or a brace has no other.
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let mut literals = vec![String::new()];
        let mut found: Vec<&'static str> = Vec::new();
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, tail) = rest.split_at(at);
            literals.last_mut().expect("it has one from the start").push_str(literal);
            let Some(tail) = tail.strip_prefix('{') else { return Err(TemplateError::Brace('}')) };
            let (name, tail) = tail.split_once('}').ok_or(TemplateError::Brace('{'))?;
            found.push(match name.trim() {
                TEXT => TEXT,
                MASK => MASK,
                _ => return Err(TemplateError::Unknown(name.to_owned())),
            });
            literals.push(String::new());
            rest = tail;
        }
        literals.last_mut().expect("it has one from the start").push_str(rest);
        for placeholder in [TEXT, MASK] {
            let count = found.iter().filter(|name| **name == placeholder).count();
            if count != 1 {
                return Err(TemplateError::Count { placeholder, count });
            }
        }
        let literals = literals.try_into().expect("two placeholders have three literals around");
        Ok(Self { literals, word_first: found == [MASK, TEXT] })
    }

    /// As [`Template::parse`], of a model that predicts what comes next.
    ///
    /// # Errors
    /// As those, and if anything but white space comes after the word.
    pub fn parse_causal(template: &str) -> Result<Self, TemplateError> {
        let parsed = Self::parse(template)?;
        let [_, between, last] = &parsed.literals;
        match (parsed.word_first, last.trim()) {
            (false, "") => Ok(parsed),
            (false, behind) => Err(TemplateError::Behind(behind.to_owned())),
            (true, _) => Err(TemplateError::Behind(format!("{between}{{text}}{last}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_cut_a_template_in_three() {
        let parsed = Template::parse("Review: { text } It was {mask}.").expect("well formed");
        assert_eq!(parsed.literals, ["Review: ", " It was ", "."].map(str::to_owned));
        assert!(!parsed.word_first);
        let parsed = Template::parse("{mask} : {text}").expect("well formed");
        assert_eq!(parsed.literals, ["", " : ", ""].map(str::to_owned));
        assert!(parsed.word_first);
    }

    #[test]
    fn what_is_wrong_with_a_template_is_told() {
        let wrong = |template: &str| Template::parse(template).unwrap_err();
        assert_eq!(wrong("{text} {word}"), TemplateError::Unknown("word".to_owned()));
        let count = |placeholder, count| TemplateError::Count { placeholder, count };
        assert_eq!(wrong("{mask}"), count("text", 0));
        assert_eq!(wrong("{text} {text} {mask}"), count("text", 2));
        assert_eq!(wrong("{text}"), count("mask", 0));
        assert_eq!(wrong(""), count("text", 0));
        assert_eq!(wrong("{text} {mask"), TemplateError::Brace('{'));
        assert_eq!(wrong("{text}} {mask}"), TemplateError::Brace('}'));
    }

    #[test]
    fn a_causal_template_ends_with_the_word() {
        assert!(Template::parse_causal("{text} It was {mask} ").is_ok());
        let wrong = |template: &str| Template::parse_causal(template).unwrap_err();
        assert_eq!(wrong("{text} It was {mask}."), TemplateError::Behind(".".to_owned()));
        assert_eq!(wrong("{mask}: {text}"), TemplateError::Behind(": {text}".to_owned()));
    }
}
