//! A warm-up that no device of the fleet has the memory for is refused; one that some device has is not.

use crate::{checked, printed, small};

/// On watches alone: 16 texts of 32 tokens with AdamW take a little more than their budget.
fn watches(profiles: &str) -> String {
    let small = small();
    let (head, _) = small.split_once("algorithms:").expect("it is there");
    let head = head.replace("    - { profile: raspberry-pi-5, count: 12 }\n", profiles);
    format!(
        "{head}algorithms:
  ZOWarmUp:
    zowarmup:
      local_steps: 4
      batch_size: 16
      warm_up: {{ rounds: 3, learning_rate: {{ base: 1e-3 }} }}
      learning_rate: {{ base: 5e-4 }}
"
    )
}

const WATCHES: &str = "    - { profile: watch, count: 12 }\n";

#[test]
fn a_single_able_device_is_enough() {
    let refused = checked(&watches(WATCHES), &[]).expect_err("watches cannot backpropagate");
    assert_eq!(refused.len(), 1, "{}", printed(&refused));
    assert!(refused[0].message().contains("no device can warm up"), "{}", refused[0]);
    let one_more = format!("{WATCHES}    - {{ profile: phone-old, count: 1 }}\n");
    let scenario = checked(&watches(&one_more), &[]);
    scenario.unwrap_or_else(|errors| panic!("{}", printed(&errors)));
}

#[test]
fn less_work_that_fits_is_accepted() {
    for fits in [
        "algorithms.ZOWarmUp.zowarmup.batch_size=8",
        "algorithms.ZOWarmUp.zowarmup.train=head",
        "model.max_length=16",
        // Padded to their longest text, some batches fit.
        "model.padding=longest",
    ] {
        let scenario = checked(&watches(WATCHES), &[fits]);
        scenario.unwrap_or_else(|errors| panic!("{fits}: {}", printed(&errors)));
    }
    // But not even the shortest of texts fit, if there are too many.
    let set = ["model.padding=longest", "algorithms.ZOWarmUp.zowarmup.batch_size=1600"];
    let refused = checked(&watches(WATCHES), &set).expect_err("1600 texts are too many");
    assert!(refused[0].message().contains("no device can warm up"), "{}", refused[0]);
}
