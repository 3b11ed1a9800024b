#!/usr/bin/env bash
# Holds batch/slurm.sh to a real Slurm of one node, this machine, on its loopback interface: a sweep of 24 cells as job
# arrays, of which one task is killed half-way, ends with the tables that one process writes, to the byte. As root, with
# Debian's packages:
#
#     apt-get install slurmctld slurmd slurm-client munge
#     cargo build --release && batch/test-slurm.sh
#
# All that Slurm writes is in a temporary folder; nothing of an installation that is there is touched.
set -euo pipefail
cd "$(dirname "$0")/.."
FLEETUNE=$(realpath "${FLEETUNE:-${CARGO_TARGET_DIR:-target}/release/fleetune}")
export FLEETUNE
work=$(mktemp -d)
export SLURM_CONF=$work/slurm.conf
finish() {
    status=$?
    if [ $status -ne 0 ]; then tail -n 20 "$work"/*.log "$work"/x/jobs/* 2> /dev/null || true; fi
    for pid in "$work"/*.pid; do kill "$(cat "$pid")" 2> /dev/null || true; done
    sleep 1
    rm -rf "$work"
    exit $status
}
trap finish EXIT

# Slurm of one node.
chmod 755 "$work"
mkdir -p "$work/state" "$work/spool" "$work/munge"
chown munge "$work/munge"
head -c 1024 /dev/urandom > "$work/munge/key"
chown munge "$work/munge/key"
chmod 400 "$work/munge/key"
chmod 711 "$work/munge"
runuser -u munge -- munged --socket="$work/munge/socket" --key-file="$work/munge/key" \
    --pid-file="$work/munge/munged.pid" --log-file="$work/munge/munged.log" --seed-file="$work/munge/seed" --force
cp "$work/munge/munged.pid" "$work/munged.pid"
host=$(hostname -s)
cat > "$SLURM_CONF" << END
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
slurmctld
slurmd
for _ in $(seq 30); do
    if [ "$(sinfo --noheader --format=%t 2> /dev/null)" = idle ]; then break; fi
    sleep 1
done
sinfo

batch/tiny-sweep.sh "$work"
"$FLEETUNE" sweep "$work/tiny.sweep.yaml" --out "$work/whole" --quiet > /dev/null

last=$(batch/slurm.sh "$work/tiny.sweep.yaml" 3 "$work/x")
# One task is killed once it has finished a cell.
timeout 120 bash -c "until ls $work/x/cells/*.yaml > /dev/null 2>&1; do sleep 0.1; done"
scancel --signal=KILL "$((last - 2))_1" || true
while squeue --noheader --jobs="$last" 2> /dev/null | grep -q .; do sleep 1; done

batch/same-tables.sh "$work/whole" "$work/x"
echo "one of the tasks was killed"
