#!/usr/bin/env bash
# A sweep as task arrays of HyperQueue (https://it4innovations.github.io/hyperqueue). Run it where `hq` finds its server;
# the folder must be one that all workers share.
#
#     batch/hyperqueue.sh [--stages N] SWEEP SHARDS FOLDER [HQ SUBMIT OPTIONS...]
#     batch/hyperqueue.sh scenarios/headline.sweep.yaml 8 /shared/headline --cpus=4
#
# Every stage is an array of SHARDS tasks that each run a part of the cells, and is waited for. Studies that take up what
# another one chose (`with`) come a stage later; two stages, the default, do for a search and what follows from it. Then
# one task runs what is left, if another was killed, and writes the tables. FLEETUNE names the program as the workers find
# it.
set -euo pipefail
stages=2
if [ "${1:-}" = --stages ]; then
    stages=$2
    shift 2
fi
if [ $# -lt 3 ]; then
    sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
sweep=$(realpath "$1") shards=$2 folder=$(realpath -m "$3")
shift 3
program=${FLEETUNE:-fleetune}
mkdir -p "$folder/cells" "$folder/jobs"

# As many threads as the worker gives processors, which it lists.
threads="--threads \$(tr , '\n' <<< \"\$HQ_CPUS\" | wc -l)"

# submit NAME OPTIONS -- ARGUMENTS OF THE PROGRAM
submit() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    # A task that fails is none of the next ones' business: the last one does what is left.
    hq submit --wait --name "$name" --stdout "$folder/jobs/$name-%{TASK_ID}.out" \
        --stderr "$folder/jobs/$name-%{TASK_ID}.err" "${options[@]}" -- \
        bash -c "exec $(printf '%q ' "$program" sweep "$sweep" --out "$folder" --quiet) $*" \
        > /dev/null || true
}

for stage in $(seq "$stages"); do
    submit "fleetune-$stage" --array="1-$shards" "$@" -- --shard "\$HQ_TASK_ID/$shards" "$threads"
done
submit fleetune-tables "$@" -- "$threads"
test -e "$folder/sweep.yaml"
