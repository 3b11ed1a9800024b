#!/usr/bin/env bash
# Writes a scenario and a sweep of 24 cells into a folder, for the tests of job arrays: two algorithms with four trials of two
# seeds, and the best of each on four seeds. A few seconds of work.
#
#     batch/tiny-sweep.sh FOLDER
set -euo pipefail
work=$1
cat > "$work/tiny.yaml" << END
name: tiny
root_seed: 1
seeds: 4
target: { accuracy: 0.9 }
model: { checkpoint: embedded, max_length: 16, padding: fixed }
task: { dataset: { builtin: tweet }, partition: iid, test_examples: 60 }
fleet: { groups: [{ profile: laptop, count: 6 }], availability: always }
federation: { cohort: 3, stop: { rounds: 40 }, evaluate_every: 20 }
algorithms:
  MeZO: { mezo: { train: bitfit, local_steps: 1, batch_size: 4, learning_rate: { base: 1.0e-3 }, catch_up: dense } }
  FedAvg: { fedavg: { train: head, local_steps: 1, batch_size: 4, optimizer: sgd, learning_rate: { base: 1.0e-2 } } }
END
cat > "$work/tiny.sweep.yaml" << END
name: tiny-sweep
scenario: tiny.yaml
seed: 3
studies:
  search:
    set: { task.evaluate_on: validation, root_seed: 2 }
    seeds: 2
    draw: { latin_hypercube: 4 }
    tune:
      MeZO: { learning_rate.base: { log_uniform: [1e-4, 1e-2] } }
      FedAvg: { learning_rate.base: { log_uniform: [1e-3, 1e-1] } }
    choose: loss
  test: { with: search, algorithms: [MeZO, FedAvg] }
END
