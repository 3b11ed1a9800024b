//! The report's sentences say what the records say, and no more.

use fleetune_reports::{
    Answer, Run, RunResults, records::PrivacySpent, statistics::Comparison, write_tables,
};

use crate::synthetic::Recipe;

fn answer(results: &RunResults) -> Answer {
    let dir = tempfile::tempdir().unwrap();
    write_tables(dir.path(), results).unwrap();
    let run = Run::load(dir.path()).unwrap();
    Answer::new(&run, &Comparison::new(&run))
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected {part:?} in {text:?}");
    }
}

#[test]
fn the_winner_comes_with_its_lead_and_interval() {
    // Three seeds tell what one comparison alone would, but not six pairs together: so it is said.
    let answer = answer(&Recipe { seeds: 10, ..Recipe::usual() }.results());
    assert_says(
        &answer.headline,
        &["On this fleet FedAvg reaches 74% test accuracy first", "95% interval"],
    );
    assert_says(&answer.headline, &["sooner than FedSPZO", "FedAvg cannot run on 28%"]);
    let points = answer.points.join("\n");
    assert_says(&points, &["Least bytes sent by devices: FedSPZO"]);
    assert_says(
        &points,
        &[
            "FedAvg cannot run on 18 of 64 devices, for want of memory: phone-old (10) and watch (8).",
        ],
    );
}

#[test]
fn one_seed_claims_no_interval() {
    let answer = answer(&Recipe { seeds: 1, ..Recipe::usual() }.results());
    assert!(!answer.headline.contains("95%"), "{}", answer.headline);
    assert_says(&answer.points.join("\n"), &["One seed only"]);
}

#[test]
fn equals_are_not_ranked() {
    let mut recipe = Recipe::usual();
    recipe.shapes.truncate(2);
    let first = recipe.shapes[0].clone();
    recipe.shapes[1] = crate::synthetic::Shape { label: "Twin".to_owned(), ..first };
    assert_says(&answer(&recipe.results()).headline, &["3 seeds do not tell the two apart"]);
}

#[test]
fn a_cheaper_but_unreliable_rival_is_mentioned() {
    let mut results = Recipe { seeds: 4, ..Recipe::usual() }.results();
    let unlucky = |r: &&mut fleetune_reports::records::RoundRecord| {
        r.seed % 2 == 1 && r.algorithm == "FedAvg"
    };
    results.rounds.iter_mut().filter(unlucky).for_each(|r| r.accuracy *= 0.8);
    let answer = answer(&results);
    assert_says(&answer.headline, &["FedSPZO reaches 74% test accuracy in the most seeds"]);
    assert_says(&answer.headline, &["FedAvg takes 0.", "in 2 of 4 seeds only; "]);
    let points = answer.points.join("\n");
    assert_says(&points, &["but FedAvg needs", "FedAvg reached 74% in 2 of 4 seeds only"]);
}

#[test]
fn nobody_wins_if_nobody_gets_there() {
    let nobody = answer(&Recipe { target: 0.9, ..Recipe::usual() }.results());
    assert_says(&nobody.headline, &["No algorithm reached 90%", "FedAvg came closest"]);
    let none = answer(&Recipe { evaluations: 0, ..Recipe::usual() }.results());
    assert_says(&none.headline, &["no round was evaluated"]);
}

#[test]
fn what_was_revealed_is_that_of_the_seed_that_revealed_most() {
    let spent = |seed, epsilon: Option<f64>| PrivacySpent {
        seed,
        rounds: 40 + seed,
        delta: 0.001,
        epsilon,
        sampling_rate: 0.25,
        epsilon_if_sampled: epsilon.map(|epsilon| epsilon / 8.0),
    };
    let points = |privacy: &[PrivacySpent]| {
        let mut results = Recipe::usual().results();
        results.details.algorithms[1].privacy = privacy.to_vec();
        answer(&results).points.join("\n")
    };
    assert!(!points(&[]).contains("hides"));
    let three = [spent(0, Some(3.0)), spent(1, Some(4.126)), spent(2, Some(2.0))];
    assert_says(
        &points(&three),
        &["MeZO hides each device's texts with ε = 4.13 at δ = 0.001 after 41 rounds in the seed \
           of 3 that revealed most, whoever took part; ε = 0.516 if each round had drawn 25% of the \
           devices at random."],
    );
    assert_says(&points(&three[..1]), &["with ε = 3.00 at δ = 0.001 after 40 rounds, whoever"]);
    let none = points(&[spent(0, Some(3.0)), spent(1, None)]);
    assert_says(&none, &["MeZO proves no privacy after 41 rounds"]);
    assert!(!none.contains("hides"), "{none}");
}
