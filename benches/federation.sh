#!/bin/sh
# Bytes per idle device and events per second of a whole federation, at growing fleets: the second table of README.md.
#
#   cargo build --release && benches/federation.sh [DEVICES...]
#
# Phones of one class come and go by the time of day; a hundred of them take part at a time, in rounds of about half an
# hour, for a simulated day. Memory is the process's peak less that with 100 devices; time is on the processor, that of
# the whole process less that with 100 devices, so that other processes do not count.
set -eu
cd "$(dirname "$0")/.."
program=${CARGO_TARGET_DIR:-target}/release/fleetune
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# Prints peak KiB, processor seconds and events of a run with so many devices and more settings.
run() {
    devices=$1; shift
    /usr/bin/time -f "%M %U %S" -o "$scratch/time" "$program" run scenarios/million.yaml --quiet --threads 1 \
        --out "$scratch/$devices" --set "fleet.groups=[{ profile: diurnal-phone-mid, count: $devices }]" \
        --set federation.cohort=100 --set federation.over_commitment=1 --set federation.deadline=null \
        --set algorithms="{ FedAvg: { fedavg: { local_steps: 8000, batch_size: 16, learning_rate: { base: 1e-3 } } } }" \
        --set "federation.stop={ rounds: 1000, simulated_time: 1 days }" "$@" >/dev/null
    events=$(sed -n 's/.*"events": \([0-9]*\).*/\1/p' "$scratch/$devices/summary.json")
    rm -r "${scratch:?}/$devices"
    awk -v events="$events" '{ print $1, $2 + $3, events }' "$scratch/time"
}

echo "| devices | conditions | events | events per second | bytes per device |"
echo "| ---: | --- | ---: | ---: | ---: |"
for devices in "${@:-1000 10000 100000 1000000}"; do
    for devices in $devices; do
        for conditions in none charging; do
            set --
            if [ "$conditions" = charging ]; then
                set -- --set "fleet.eligibility={ charging: true, wifi: true }"
            fi
            least=$(run 100 "$@")
            found=$(run "$devices" "$@")
            echo "$least $found" | awk -v n="$devices" -v c="$conditions" '{
                s = $5 - $2; e = $6 - $3
                printf "| %d | %s | %d | %s | %.0f |\n", n, c, $6, (s > 0.05 ? sprintf("%.0f", e / s) : ""), 1024 * ($4 - $1) / (n - 100)
            }'
        done
    done
done
