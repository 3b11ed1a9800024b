#!/usr/bin/env bash
# Holds batch/hyperqueue.sh to a real HyperQueue of one worker, on this machine: a sweep as task arrays ends with the tables
# that one process writes, to the byte. `hq` must be on the PATH.
#
#     cargo build --release && batch/test-hyperqueue.sh
set -euo pipefail
cd "$(dirname "$0")/.."
FLEETUNE=$(realpath "${FLEETUNE:-${CARGO_TARGET_DIR:-target}/release/fleetune}")
export FLEETUNE
work=$(mktemp -d)
export HQ_SERVER_DIR=$work/server
hq server start > "$work/server.log" 2>&1 &
server=$!
worker=
finish() {
    status=$?
    if [ $status -ne 0 ]; then tail -n 20 "$work"/*.log "$work"/x/jobs/* 2> /dev/null || true; fi
    kill $worker $server 2> /dev/null || true
    wait 2> /dev/null || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT
for _ in $(seq 50); do
    if hq server info > /dev/null 2>&1; then break; fi
    sleep 0.2
done
hq worker start --cpus=2 > "$work/worker.log" 2>&1 &
worker=$!

batch/tiny-sweep.sh "$work"
"$FLEETUNE" sweep "$work/tiny.sweep.yaml" --out "$work/whole" --quiet > /dev/null
batch/hyperqueue.sh "$work/tiny.sweep.yaml" 3 "$work/x" --cpus=1
batch/same-tables.sh "$work/whole" "$work/x"
