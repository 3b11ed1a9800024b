//! "Did you mean": the nearest of the names that would do.

/// The known name most like `name`, if one is like it at all.
///
/// Likeness is Jaro-Winkler similarity of the lower-case names above 0.8, or an edit (a transposition counts as
/// one) per four letters: the measures that command-line parsers and compilers use for this.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are not compared: the measures are quadratic, and no name of ours is near it.
    const LONGEST: usize = 100;
    const ALIKE: f64 = 0.8;
    if name.len() > LONGEST {
        return None;
    }
    let written = fold(name);
    let mut best: Option<(f64, &str)> = None;
    for candidate in known {
        let folded = fold(candidate);
        let edits = (written.chars().count() / 4).max(1);
        let close = written.len() > 1 && strsim::damerau_levenshtein(&written, &folded) <= edits;
        let likeness = strsim::jaro_winkler(&written, &folded);
        if (close || likeness > ALIKE) && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Lower case, and one spelling of the separators.
fn fold(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

/// The names as the end of "expected ...".
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first, second] => format!("{first} or {second}"),
        many => format!("one of {}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_find_their_name() {
        let keys = ["cohort", "over_commitment", "deadline", "stop", "evaluate_every"];
        for (typo, meant) in [
            ("cohrt", "cohort"),
            ("Cohort", "cohort"),
            ("overcommitment", "over_commitment"),
            ("over-commitment", "over_commitment"),
            ("dedaline", "deadline"),
            ("evaluate", "evaluate_every"),
        ] {
            assert_eq!(nearest(typo, keys), Some(meant), "{typo}");
        }
    }

    #[test]
    fn what_is_like_nothing_suggests_nothing() {
        assert_eq!(nearest("banana", ["cohort", "stop"]), None);
        assert_eq!(nearest("", ["cohort"]), None);
        assert_eq!(nearest(&"cohort".repeat(1000), ["cohort"]), None);
    }
}
