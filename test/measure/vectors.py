#!/usr/bin/env python3
"""Writes vectors.json: what scipy, numpy and statsmodels say of seeded samples, for statistics.test.ts.

    python3 -m venv venv && venv/bin/pip install scipy statsmodels && venv/bin/python test/measure/vectors.py

The Hodges-Lehmann interval has no function of its own in scipy: here it is found by inverting scipy's Mann-Whitney test.
"""
import json
import pathlib

import numpy
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

random = numpy.random.default_rng(20240229)


def sample(size, centre, spread, step):
    """Log-normal, as start-up times are, in whole nanoseconds; `step` makes ties."""
    values = centre * random.lognormal(0, spread, size)
    return [int(value) // step * step for value in values]


def one(values):
    entry = {
        'values': values,
        'median': float(numpy.median(values)),
        'p95': float(numpy.percentile(values, 95)),
        'mad': float(stats.median_abs_deviation(values)),
        'intervals': {},
    }
    for level in (0.9, 0.95, 0.99):
        # quantile_test gives one end as nan when there are too few samples for the level.
        interval = stats.quantile_test(values, q=0, p=0.5).confidence_interval(level)
        bad = numpy.isnan(interval.low) or numpy.isnan(interval.high)
        entry['intervals'][str(level)] = None if bad else [float(interval.low), float(interval.high)]
    return entry


def inverted(x, y, tail):
    """Bounds of the shifts d that the test of x + d against y does not reject, by one-sided tests at `tail`."""
    x, y = numpy.asarray(x, float), numpy.asarray(y, float)
    differences = numpy.unique(numpy.subtract.outer(y, x))
    middles = numpy.concatenate(
        ([differences[0] - 1], (differences[1:] + differences[:-1]) / 2, [differences[-1] + 1]))
    # Between two neighbouring differences the statistic does not change and nothing is tied across the samples.
    kept = []
    for middle in middles:
        low = stats.mannwhitneyu(x + middle, y, alternative='less', method='exact').pvalue
        high = stats.mannwhitneyu(x + middle, y, alternative='greater', method='exact').pvalue
        kept.append(min(low, high) > tail)
    first, last = kept.index(True), len(kept) - 1 - kept[::-1].index(True)
    if first == 0 or last == len(kept) - 1:
        return None
    return [float(differences[first - 1]), float(differences[last])]


def two(x, y, exact_interval):
    u = stats.mannwhitneyu(y, x, alternative='two-sided', method='auto')
    ks = stats.ks_2samp(x, y, method='exact')
    differences = numpy.subtract.outer(numpy.asarray(y), numpy.asarray(x))
    entry = {
        'x': x, 'y': y,
        'u': float(u.statistic), 'uP': float(u.pvalue),
        'd': float(ks.statistic), 'dP': float(ks.pvalue),
        'shift': float(numpy.median(differences)),
    }
    if exact_interval:
        entry['interval'] = inverted(x, y, 0.025)
    return entry


ones = [one(sample(size, 1e6, spread, step))
        for size in (1, 2, 5, 6, 7, 9, 10, 20, 21, 30, 31, 100, 500, 1500)
        for spread, step in ((0.05, 1), (0.5, 100000))]

twos = []
for m, n in ((1, 1), (2, 3), (3, 3), (4, 9), (5, 5), (8, 8), (8, 30), (20, 20), (30, 30), (30, 45), (100, 100), (250, 90)):
    for shift in (1, 1.03, 1.5):
        twos.append(two(sample(m, 1e6, 0.05, 1), sample(n, 1e6 * shift, 0.05, 1), m <= 8 and n <= 30))
        twos.append(two(sample(m, 1e6, 0.05, 20000), sample(n, 1e6 * shift, 0.05, 20000), False))
twos.append(two([0] * 10, [0] * 12, False))
twos.append(two([1] * 10, [2] * 12, False))

holms = []
for size in (1, 2, 5, 40):
    p = [float(value) for value in random.beta(0.3, 2, size)]
    holms.append({'p': p, 'adjusted': [float(value) for value in multipletests(p, method='holm')[1]]})
holms.append({'p': [0.02, 0.02, 0.5, 1], 'adjusted': [float(v) for v in multipletests([0.02, 0.02, 0.5, 1], method='holm')[1]]})

wilsons = []
for count, trials in ((0, 1), (1, 1), (0, 30), (30, 30), (3, 30), (1, 100), (50, 100), (7, 1000)):
    for level in (0.9, 0.95):
        low, high = stats.binomtest(count, trials).proportion_ci(level, method='wilson')
        wilsons.append({'count': count, 'trials': trials, 'level': level, 'interval': [float(low), float(high)]})

newcombes = []
for a, m, b, n in ((0, 30, 0, 30), (0, 30, 6, 30), (5, 30, 2, 100), (1, 10, 9, 10), (50, 100, 55, 100)):
    low, high = confint_proportions_2indep(b, n, a, m, method='newcomb', compare='diff', alpha=0.05)
    newcombes.append({'before': [a, m], 'after': [b, n], 'interval': [float(low), float(high)]})

tails = [{'z': z, 'tail': float(stats.norm.sf(z))} for z in (-6, -2.5, -1, -0.1, 0, 0.01, 0.5, 1, 1.96, 2.8, 2.9, 4, 6, 9, 20, 37)]

document = {
    'source': f'vectors.py: numpy {numpy.__version__}, scipy {scipy.__version__}, statsmodels {statsmodels.__version__}',
    'tails': tails, 'ones': ones, 'twos': twos, 'holm': holms, 'wilson': wilsons, 'newcombe': newcombes,
}
pathlib.Path(__file__).with_name('vectors.json').write_text(json.dumps(document) + '\n')
