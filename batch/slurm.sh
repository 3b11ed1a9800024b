#!/usr/bin/env bash
# A sweep as job arrays of Slurm. Run it where `sbatch` is; the folder must be one that all nodes share.
#
#     batch/slurm.sh [--stages N] SWEEP SHARDS FOLDER [SBATCH OPTIONS...]
#     batch/slurm.sh scenarios/headline.sweep.yaml 8 /shared/headline --cpus-per-task=4 --time=02:00:00 --partition=cpu
#
# Every stage is an array of SHARDS tasks that each run a part of the cells. Studies that take up what another one chose
# (`with`) come a stage later; two stages, the default, do for a search and what follows from it. Then one job runs what is
# left, if a task was killed, and writes the tables. Prints the number of that last job. FLEETUNE names the program as the
# nodes find it.
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

# submit NAME DEPENDENCY OPTIONS -- ARGUMENTS OF THE PROGRAM
submit() {
    local name=$1 after=$2 options=()
    shift 2
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    # Only a task knows its number, and how many processors it was given.
    sbatch --parsable --job-name="$name" --output="$folder/jobs/%x-%A_%a.log" \
        ${after:+--dependency="afterany:$after"} "${options[@]}" << END
#!/usr/bin/env bash
exec $(printf '%q ' "$program" sweep "$sweep" --out "$folder") --threads "\${SLURM_CPUS_PER_TASK:-1}" $*
END
}

after=
for stage in $(seq "$stages"); do
    after=$(submit "fleetune-$stage" "$after" --array="1-$shards" "$@" -- \
        --shard "\$SLURM_ARRAY_TASK_ID/$shards" --quiet)
done
submit fleetune-tables "$after" "$@" -- --quiet
