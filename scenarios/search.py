#!/usr/bin/env python3
"""Hyperparameter search with equal effort for every algorithm of a scenario.

    scenarios/search.py SCENARIO SEARCH [--trials N] [--threads N] > table.tsv

SEARCH is a JSON file: for each algorithm label, a list of choices, each a list of alternatives; an alternative maps
paths below the algorithm's configuration to YAML values. For every algorithm N trials are drawn at random (seed 0) from
the product of its choices, run on one seed and evaluated on the validation split. The table has one line a trial: the
loss and accuracy at the end, and the smallest loss of any evaluated round.
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


def draw(choices, trials):
    """The trials of one algorithm: distinct points of the product of its choices."""
    points = list(itertools.product(*choices))
    random.Random(0).shuffle(points)
    return points[:trials]


def run(arguments, label, kind, point):
    overrides = {}
    for alternative in point:
        overrides.update(alternative)
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        command = ["target/release/fleetune" if not arguments.binary else arguments.binary, "run",
                   arguments.scenario, "--quiet", "--seeds", "1", "--threads", "1", "--out", str(out),
                   "--set", "task.evaluate_on=validation"]
        for path, value in overrides.items():
            command += ["--set", f"algorithms.{label}.{kind}.{path}={value}"]
        done = subprocess.run(command + ["--only", label], capture_output=True, text=True)
        if done.returncode != 0:
            return overrides, None, done.stderr.strip()
        with open(out / "rounds.csv", newline="") as file:
            rounds = list(csv.DictReader(file))
    return overrides, rounds, ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("search")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--binary", default="")
    arguments = parser.parse_args()
    from concurrent.futures import ThreadPoolExecutor
    search = json.loads(pathlib.Path(arguments.search).read_text())
    jobs = [(label, spec["kind"], point) for label, spec in search.items()
            for point in draw(spec["choices"], arguments.trials)]
    print("algorithm\tfinal_loss\tfinal_accuracy\tleast_loss\tdevice_flops\tconfiguration")
    with ThreadPoolExecutor(arguments.threads) as pool:
        results = pool.map(lambda job: (job[0], *run(arguments, *job)), jobs)
        for label, overrides, rounds, error in results:
            if rounds is None:
                print(f"{label}\tfailed\t\t\t\t{json.dumps(overrides)}\t{error}", flush=True)
                continue
            last = rounds[-1]
            least = min(float(row["loss"]) for row in rounds)
            print(f"{label}\t{float(last['loss']):.4f}\t{float(last['accuracy']):.4f}\t{least:.4f}\t"
                  f"{float(last['device_flops']):.3g}\t{json.dumps(overrides)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
