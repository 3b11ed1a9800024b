#!/usr/bin/python3
"""Completion times of random transfers by SimGrid, which nobody here wrote.

    apt-get install python3-simgrid        # Debian 12: SimGrid 3.32
    /usr/bin/python3 devices/tests/simgrid/generate.py

writes `raw.json` and `lv08.json` beside itself. Every platform has a fixed seed, so the files come
out the same again. devices/tests/network/simgrid.rs reads them.

What SimGrid 3.32 does, found by experiment and held by these files:

* a flow's rate solves weighted max-min with weight 1 / (latency + sum of S / bandwidth over its
  links), S = weight-S (20537 for LV08, 0 for CM02), all of them nominal, before any factor;
* LV08 moves bytes at 0.97 times that rate: capacities and the window's cap alike;
* the window caps the rate at TCP-gamma / (2 latency), the latency before its factor of 13.01;
* cross-traffic adds the links of the way back with usage 0.05, on top of the usage of 1 where the
  way there has the same link; it does not enter the weight;
* flows of unequal weight on one fat pipe are all stopped at the level at which the heaviest
  reaches the capacity, so that the lighter ones stay below min(b, C). That is an artefact of its
  solver and not the meaning of a fat pipe; here only flows of one route, thus of equal weight,
  meet on one;
* its default `network/optim:Lazy`, which solves only what changed, gives other times than
  `network/optim:Full` on about one in thirty of these platforms (up to 3e-5 apart). We agree with
  Full on every flow, so that is what these files hold.
"""

import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TIGHT = ["surf/precision:1e-12", "maxmin/precision:1e-12", "network/optim:Full"]
MODELS = {
    "raw": ["network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:0"],
    "lv08": ["network/model:LV08", "network/crosstraffic:0"],
    "lv08_cross_traffic": ["network/model:LV08", "network/crosstraffic:1"],
}
PLATFORMS = 32  # of each file


def platform(model, seed):
    """A random platform and its flows, as plain data."""
    rng = random.Random(f"fleetune {model} {seed}")
    number = rng.randint(2, 40)
    star = seed % 4 == 0  # one server link behind access links, every fourth time
    links = []
    for index in range(number):
        policy = rng.choice(["shared", "shared", "shared", "split_duplex", "fat_pipe"])
        if star and index == 0:
            policy = "split_duplex"
        bandwidth = rng.randint(4_000_000, 20_000_000)  # [B/s]
        links.append([bandwidth, rng.randint(1, 60), policy])  # latency in [ms]
    # Now and then a window that binds: more than 100 ms behind a fast link.
    if model != "raw" and seed % 3 == 0:
        links[-1][:2] = [200_000_000, 900]
    pairs = []
    pipes_taken = set()
    for _ in range(rng.randint(2, 40)):
        if star:
            chosen = [0, rng.randrange(1, number)]
        else:
            chosen = rng.sample(range(number), rng.randint(1, min(6, number)))
        free = [link for link in chosen if link not in pipes_taken]
        pipes_taken.update(link for link in free if links[link][2] == "fat_pipe")
        if all(links[link][2] == "fat_pipe" for link in free) and len(pairs) > 0:
            continue
        # +1: along the link's direction, -1: against it; it matters to split-duplex links only.
        pairs.append([[link, rng.choice([1, -1])] for link in free])
    flows = []
    for _ in range(rng.choice([3, 10, 40, 100, 200])):
        start = rng.choice([0, 0, rng.randint(0, 60_000)])  # [ms]
        flows.append([rng.randrange(len(pairs)), rng.randint(100_000_000, 500_000_000), start])
    return {"model": model, "links": links, "pairs": pairs, "flows": flows}


def documented(model):
    """The example of SimGrid's manual: 100 kB over 1 Mbit/s with 10 ms."""
    return {"model": model, "links": [[125_000, 10, "shared"]], "pairs": [[[0, 1]]],
            "flows": [[0, 100_000, 0]]}


def xml(world):
    policies = {"shared": "SHARED", "split_duplex": "SPLITDUPLEX", "fat_pipe": "FATPIPE"}
    lines = ["<?xml version='1.0'?>",
             "<!DOCTYPE platform SYSTEM 'https://simgrid.org/simgrid.dtd'>",
             "<platform version='4.1'><zone id='zone' routing='Full'>"]
    for pair in range(len(world["pairs"])):
        lines += [f"<host id='from{pair}' speed='1Gf'/><host id='to{pair}' speed='1Gf'/>"]
    for index, (bandwidth, latency, policy) in enumerate(world["links"]):
        lines.append(f"<link id='link{index}' bandwidth='{bandwidth}Bps' latency='{latency}ms' "
                     f"sharing_policy='{policies[policy]}'/>")
    for pair, route in enumerate(world["pairs"]):
        lines.append(f"<route src='from{pair}' dst='to{pair}' symmetrical='YES'>")
        for link, direction in route:
            split = world["links"][link][2] == "split_duplex"
            where = (" direction='UP'" if direction > 0 else " direction='DOWN'") if split else ""
            lines.append(f"<link_ctn id='link{link}'{where}/>")
        lines.append("</route>")
    return "\n".join(lines + ["</zone></platform>"])


def simulate(world):
    """Adds the completion time of every flow. One engine a process: SimGrid allows no more."""
    from simgrid import Actor, Comm, Engine, Host, this_actor

    engine = Engine(["generate", "--log=root.thres:error"]
                    + [f"--cfg={option}" for option in MODELS[world["model"]] + TIGHT])
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(xml(world))
        file.flush()
        engine.load_platform(file.name)
    ends = []

    def starter():
        comms = {}
        for index in sorted(range(len(world["flows"])), key=lambda index: world["flows"][index][2]):
            pair, size, start = world["flows"][index]
            this_actor.sleep_until(start / 1000)
            ends_of = Host.by_name(f"from{pair}"), Host.by_name(f"to{pair}")
            comms[index] = Comm.sendto_async(*ends_of, size)
        for index in range(len(comms)):
            comms[index].wait()
            ends.append(comms[index].finish_time)

    Actor.create("starter", Host.by_name("from0"), starter)
    engine.run()
    return dict(world, ends=ends)


def main():
    if len(sys.argv) > 1:
        json.dump(simulate(json.load(sys.stdin)), open(sys.argv[1], "w"))
        return
    for name in ("raw", "lv08"):
        models = ["raw"] if name == "raw" else ["lv08", "lv08_cross_traffic"]
        worlds = [documented(model) for model in models]
        worlds += [platform(models[seed % len(models)], seed) for seed in range(PLATFORMS)]
        with open(os.path.join(HERE, name + ".json"), "w") as out:
            lines = []
            for world in worlds:
                with tempfile.NamedTemporaryFile("r", suffix=".json") as result:
                    subprocess.run([sys.executable, __file__, result.name], text=True, check=True,
                                   input=json.dumps(world), stderr=subprocess.DEVNULL)
                    lines.append(json.dumps(json.load(result), separators=(",", ":")))
            out.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
