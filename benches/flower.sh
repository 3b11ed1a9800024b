#!/usr/bin/env bash
# The quickstart's FedAvg in fleetune and the same loop in Flower and PyTorch (benches/peers/flower.py), in turns: seconds of
# the wall for a loop, with all processors of the machine, which should have nothing else to do. fleetune runs as many cells
# at once as there are processors, one thread each, starts and simulated fleet included; Flower one loop, whose clients share
# the processors. Prints Markdown.
#
#     cargo build --release && benches/flower.sh PYTHON
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
program=${FLEETUNE:-${CARGO_TARGET_DIR:-target}/release/fleetune}
rounds=${ROUNDS:-30} cells=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/loop.yaml" << END
name: loop
root_seed: 1
seeds: $cells
target: { accuracy: 0.99 }
model: { checkpoint: embedded, max_length: 32, padding: fixed }
task: { dataset: { builtin: source }, partition: { dirichlet: { alpha: 1.0 } }, test_examples: 1000 }
fleet: { groups: [{ profile: laptop, count: 64 }], availability: always }
federation: { cohort: 8, over_commitment: 1, stop: { rounds: $rounds }, evaluate_every: $rounds }
algorithms:
  FedAvg: { fedavg: { train: layers, local_steps: 4, batch_size: 16, optimizer: adamw, learning_rate: { base: 5.0e-4 } } }
END
for _ in $(seq "${TURNS:-5}"); do
    start=$(date +%s%N)
    "$program" run "$work/loop.yaml" --quiet --out "$(mktemp -d -p "$work")/run" > /dev/null
    ours=$(($(date +%s%N) - start))
    theirs=$("$python" benches/peers/flower.py models/assets/encoder "$rounds" "$rounds" 2> /dev/null | tail -n 1)
    echo "$ours $theirs"
done | awk -v rounds="$rounds" -v cells="$cells" '
    { ours[NR] = $1 / 1e9 / cells; theirs[NR] = $2; ratio[NR] = theirs[NR] / ours[NR] }
    function median(a, n,   i, j, t) {
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        return a[int((n + 1) / 2)]
    }
    END {
        middle = median(ratio, NR)
        printf "| %d rounds of FedAvg | %.1f | %.1f | %.2f | %.2f | %.2f |\n", rounds, median(ours, NR), median(theirs, NR), middle, ratio[1], ratio[NR]
    }'
