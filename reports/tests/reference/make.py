"""Reference values for the statistics of reports, from other people's implementations.

    pip install scipy==1.17.1 statsmodels lifelines numpy
    python make.py > statistics.json

Samples are drawn here and written beside the results, so that a test computes from the same numbers.
"""

import json
import math

import numpy as np
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time
from scipy import special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower

rng = np.random.default_rng(20261124)


def pair(n, shift):
    seed = rng.normal(0, 0.5, n)
    a = np.exp(seed + shift + rng.normal(0, 0.3, n))
    b = np.exp(seed + rng.normal(0, 0.3, n))
    return a, b


paired = []
for n, shift in [(3, 0.8), (5, 0.1), (6, -0.5), (10, 0.3), (12, 0.0)]:
    a, b = pair(n, shift)
    logs = np.log(a) - np.log(b)
    t = stats.ttest_1samp(logs, 0.0)
    ends = t.confidence_interval(0.95)
    exact = stats.permutation_test(
        (logs,), lambda x: np.sum(x), permutation_type="samples", n_resamples=np.inf
    )
    j = math.exp(special.gammaln((n - 1) / 2) - special.gammaln((n - 2) / 2)) / math.sqrt((n - 1) / 2)
    paired.append({
        "a": a.tolist(), "b": b.tolist(),
        "ratio": math.exp(logs.mean()), "low": math.exp(ends.low), "high": math.exp(ends.high),
        "p": t.pvalue, "exact": exact.pvalue, "effect": j * logs.mean() / logs.std(ddof=1),
    })

independent = []
for n, m, shift in [(3, 3, 1.0), (4, 7, 0.2), (10, 5, -0.6)]:
    a, b = np.exp(rng.normal(shift, 0.6, n)), np.exp(rng.normal(0, 0.2, m))
    t = stats.ttest_ind(np.log(a), np.log(b), equal_var=False)
    ends = t.confidence_interval(0.95)
    independent.append({
        "a": a.tolist(), "b": b.tolist(),
        "ratio": math.exp(np.log(a).mean() - np.log(b).mean()),
        "low": math.exp(ends.low), "high": math.exp(ends.high), "p": t.pvalue,
    })

families = []
for m in (3, 6, 15):
    p = rng.uniform(0, 0.2, m) ** 2
    families.append({"p": p.tolist(), "adjusted": multipletests(p, method="holm")[1].tolist()})

power = []
for n in (2, 3, 5, 10, 40):
    for effect in (0.2, 0.8, 2.0):
        one = TTestPower().power(effect, n, 0.05, alternative="two-sided")
        two = TTestIndPower().power(effect, n, 0.05, alternative="two-sided")
        power.append({"n": n, "effect": effect, "paired": one, "independent": two})

needed = []
for effect in (0.15, 0.4, 0.9, 1.7, 3.0):
    one = math.ceil(TTestPower().solve_power(effect, power=0.8, alpha=0.05))
    two = math.ceil(TTestIndPower().solve_power(effect, power=0.8, alpha=0.05))
    needed.append({"effect": effect, "paired": one, "independent": two})

restricted = []
for ends in ([9.0] * 6, [4.0, 9.0, 5.5, 9.0, 7.0, 8.0]):
    costs = np.exp(rng.normal(1.8, 0.6, 6))
    reached = costs <= ends
    seen = np.minimum(costs, ends)
    horizon = float(seen[~reached].min())
    fitted = KaplanMeierFitter().fit(seen, reached)
    restricted.append({
        "seen": seen.tolist(), "reached": reached.tolist(), "horizon": horizon,
        "mean": restricted_mean_survival_time(fitted, t=horizon),
    })

print(json.dumps({
    "paired": paired, "independent": independent, "families": families,
    "power": power, "needed": needed, "restricted": restricted,
}, indent=1))
