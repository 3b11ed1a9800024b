#!/usr/bin/env bash
# Two cells in one process on two threads, against the same two cells in two processes of one thread each: how much of two
# processors' throughput the program's own parallelism reaches. They take turns; times are the wall's, so nothing else
# should run. Prints Markdown.
#
#     cargo build --release && benches/cells.sh [CHECKPOINT_DIRECTORY]
#
# Without a checkpoint it is the embedded model. FLEETUNE names the program, TURNS how often they take turns.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${FLEETUNE:-${CARGO_TARGET_DIR:-target}/release/fleetune}
checkpoint=embedded rounds=40 name="the embedded model"
if [ $# -gt 0 ]; then
    checkpoint="{ directory: $(realpath "$1") }" rounds=3 name=$(basename "$1")
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A scenario of MeZO on all parameters, under each of these labels.
scenario() {
    cat <<END
name: cells
root_seed: 1
seeds: 1
target: { accuracy: 0.99 }
model: { checkpoint: $checkpoint, max_length: 32, padding: fixed }
task:
  dataset: { builtin: source }
  partition: { dirichlet: { alpha: 1.0 } }
  test_examples: 200
fleet:
  groups: [{ profile: laptop, count: 16 }]
  availability: always
federation: { cohort: 8, over_commitment: 1, stop: { rounds: $rounds }, evaluate_every: $rounds }
algorithms:
END
    for label in "$@"; do
        echo "  $label: { mezo: { train: full, local_steps: 4, batch_size: 16, learning_rate: { base: 1.0e-5 }, catch_up: dense } }"
    done
}
scenario one other > "$work/two.yaml"
scenario one > "$work/one.yaml"

run() {
    "$program" run "$work/$1.yaml" --threads "$2" --quiet --out "$(mktemp -d -p "$work")/run" > /dev/null
}
now() { date +%s%N; }
together() { run two 2; }
apart() {
    run one 1 &
    local first=$!
    run one 1
    wait $first
}
seconds() {
    local start
    start=$(now)
    "$1"
    echo $(($(now) - start))
}

for _ in $(seq "${TURNS:-7}"); do
    echo "$(seconds together) $(seconds apart)"
done | awk -v name="$name" '
    { ours[NR] = $1; theirs[NR] = $2; ratio[NR] = $2 / $1 }
    function median(a, n,   i, j, t) {
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        return a[int((n + 1) / 2)]
    }
    END {
        middle = median(ratio, NR)
        printf "| %s | %.1f | %.1f | %.2f | %.2f | %.2f |\n", name, median(ours, NR) / 1e9, median(theirs, NR) / 1e9, middle, ratio[1], ratio[NR]
    }'
