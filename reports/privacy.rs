//! What algorithms that make updates private have revealed, in sentences.

use crate::{
    format::{count, percent_short, significant},
    reader::Run,
    records::{AlgorithmDetails, PrivacySpent},
    text::shown,
};

/// One sentence for each algorithm that makes updates private.
pub(crate) fn sentences(run: &Run) -> Vec<String> {
    run.details.algorithms.iter().filter_map(sentence).collect()
}

/// Of the seed that revealed most.
fn sentence(algorithm: &AlgorithmDetails) -> Option<String> {
    let proven = |spent: &PrivacySpent| spent.epsilon.unwrap_or(f64::INFINITY);
    let most = algorithm.privacy.iter().max_by(|a, b| proven(a).total_cmp(&proven(b)))?;
    let seed = match algorithm.privacy.len() {
        1 => String::new(),
        seeds => format!(" in the seed of {seeds} that revealed most"),
    };
    let (label, rounds) = (shown(&algorithm.label), count(most.rounds, "round"));
    let Some(epsilon) = most.epsilon else {
        return Some(format!("{label} proves no privacy after {rounds}{seed}."));
    };
    let sampled = most.epsilon_if_sampled.map_or(String::new(), |epsilon| {
        let rate = percent_short(most.sampling_rate);
        let epsilon = significant(epsilon);
        format!("; ε = {epsilon} if each round had drawn {rate} of the devices at random")
    });
    Some(format!(
        "{label} hides each device's texts with ε = {} at δ = {} after {rounds}{seed}, whoever took part{sampled}.",
        significant(epsilon),
        most.delta
    ))
}
