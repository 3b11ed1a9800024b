#!/usr/bin/env python3
"""Hyperparameter search with equal effort for every algorithm of a scenario.

    scenarios/search.py SCENARIO SEARCH [--trials N] [--seeds N] [--threads N] [--set PATH=VALUE] > table.tsv

SEARCH is a JSON file: for each algorithm label, the algorithm's kind and a list of choices, each a list of alternatives;
an alternative is a part of the algorithm's configuration. For every algorithm as many trials are drawn at random (seed 0)
from the product of its choices and evaluated on the validation texts. Set `root_seed` to keep fleet, data split and noise
of the search apart from those that are reported on. The table has one line a trial: the mean over seeds of the loss at
the end, which decides; then the accuracies at the end and the device FLOPs, seed by seed.
"""
import argparse
import csv
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor


def draw(choices, trials):
    """The trials of one algorithm: distinct points of the product of its choices."""
    points = list(itertools.product(*choices))
    random.Random(0).shuffle(points)
    return points[:trials]


def merged(base, more):
    """`more` laid over `base`, key by key at every depth."""
    if isinstance(base, dict) and isinstance(more, dict):
        return {key: merged(base.get(key), more[key]) if key in more else base[key] for key in {**base, **more}}
    return more


def run(arguments, label, kind, point):
    configuration = {}
    for alternative in point:
        configuration = merged(configuration, alternative)
    # JSON is YAML: the trial replaces the scenario's algorithms.
    algorithms = json.dumps({label: {kind: configuration}})
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        command = [arguments.binary, "run", arguments.scenario, "--quiet", "--threads", "1",
                   "--seeds", str(arguments.seeds),
                   "--out", str(out), "--set", "task.evaluate_on=validation", "--set", f"algorithms={algorithms}"]
        for override in arguments.set:
            command += ["--set", override]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return configuration, None, done.stderr.strip()
        with open(out / "rounds.csv", newline="") as file:
            rounds = list(csv.DictReader(file))
    return configuration, rounds, ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("search")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=2, help="of every trial")
    parser.add_argument("--threads", type=int, default=2, help="trials at a time")
    parser.add_argument("--binary", default="target/release/fleetune")
    parser.add_argument("--set", action="append", default=[], help="as of fleetune run, for all trials")
    arguments = parser.parse_args()
    search = json.loads(pathlib.Path(arguments.search).read_text())
    jobs = [(label, spec["kind"], point) for label, spec in search.items()
            for point in draw(spec["choices"], arguments.trials)]
    print("algorithm\tmean_loss\taccuracies\tdevice_flops\tconfiguration")
    with ThreadPoolExecutor(arguments.threads) as pool:
        results = pool.map(lambda job: (job[0], *run(arguments, *job)), jobs)
        for label, configuration, rounds, error in results:
            if rounds is None:
                print(f"{label}\tfailed\t\t\t{json.dumps(configuration)}\t{error}", flush=True)
                continue
            # The last evaluated round of every seed.
            last = list({row["seed"]: row for row in rounds}.values())
            loss = sum(float(row["loss"]) for row in last) / len(last)
            accuracies = " ".join(f"{float(row['accuracy']):.4f}" for row in last)
            flops = " ".join(f"{float(row['device_flops']):.3g}" for row in last)
            print(f"{label}\t{loss:.4f}\t{accuracies}\t{flops}\t{json.dumps(configuration)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
