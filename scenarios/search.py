#!/usr/bin/env python3
"""Hyperparameter search with equal effort for every algorithm of a scenario.

    scenarios/search.py SCENARIO SEARCH [--trials N] [--threads N] [--set PATH=VALUE] > table.tsv

SEARCH is a JSON file: for each algorithm label, the algorithm's kind and a list of choices, each a list of alternatives;
an alternative is a part of the algorithm's configuration. For every algorithm N trials are drawn at random (seed 0) from
the product of its choices, run on one seed and evaluated on the validation texts. The table has one line a trial: the
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
from concurrent.futures import ThreadPoolExecutor


def draw(choices, trials):
    """The trials of one algorithm: distinct points of the product of its choices."""
    points = list(itertools.product(*choices))
    random.Random(0).shuffle(points)
    return points[:trials]


def run(arguments, label, kind, point):
    configuration = {}
    for alternative in point:
        configuration.update(alternative)
    # JSON is YAML: the trial replaces the scenario's algorithms.
    algorithms = json.dumps({label: {kind: configuration}})
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        command = [arguments.binary, "run", arguments.scenario, "--quiet", "--seeds", "1", "--threads", "1",
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
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--binary", default="target/release/fleetune")
    parser.add_argument("--set", action="append", default=[], help="as of fleetune run, for all trials")
    arguments = parser.parse_args()
    search = json.loads(pathlib.Path(arguments.search).read_text())
    jobs = [(label, spec["kind"], point) for label, spec in search.items()
            for point in draw(spec["choices"], arguments.trials)]
    print("algorithm\tfinal_loss\tfinal_accuracy\tleast_loss\tdevice_flops\tconfiguration")
    with ThreadPoolExecutor(arguments.threads) as pool:
        results = pool.map(lambda job: (job[0], *run(arguments, *job)), jobs)
        for label, configuration, rounds, error in results:
            if rounds is None:
                print(f"{label}\tfailed\t\t\t\t{json.dumps(configuration)}\t{error}", flush=True)
                continue
            last = rounds[-1]
            least = min(float(row["loss"]) for row in rounds)
            print(f"{label}\t{float(last['loss']):.4f}\t{float(last['accuracy']):.4f}\t{least:.4f}\t"
                  f"{float(last['device_flops']):.3g}\t{json.dumps(configuration)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
