"""What may be said after so many pairs of blocks.

The ratio of two proxies is the median of the pairs' log-ratios with a bootstrap interval; nothing
is thrown away as an outlier. Pairs of a proxy with itself (A/A) show what this machine takes for a
difference when there is none."""

import math
from statistics import median
from typing import NamedTuple

MIN_PAIRS = 12
RESAMPLES = 10000
LEVEL = 0.95
MAX_NOISE = 0.05  # more, and the figure says nothing
MAX_DISTURBED = 0.25  # share of blocks


class Interval(NamedTuple):
    middle: float
    low: float
    high: float

    def map(self, function):
        return Interval(*map(function, self))


class Comparison(NamedTuple):
    ratio: Interval
    pairs: int
    claim: str  # "less", "more", or "none": no difference shown


def bootstrap_median(values, random, resamples=RESAMPLES, level=LEVEL):
    """The median of `values` and its percentile bootstrap interval."""
    medians = sorted(median(random.choices(values, k=len(values))) for _ in range(resamples))
    tail = (1 - level) / 2
    return Interval(median(values), _quantile(medians, tail), _quantile(medians, 1 - tail))


def ratio_of(pairs, random):
    """The interval of ours / theirs for [(ours, theirs), …], all above 0."""
    logs = [math.log(ours / theirs) for ours, theirs in pairs]
    return bootstrap_median(logs, random).map(math.exp)


def noise_of(same):
    """How far from 1 the interval of A/A pairs reaches, as a fraction: its half-width when it is
    drawn around 1, so that a bias counts as noise, too."""
    return math.exp(max(abs(math.log(same.low)), abs(math.log(same.high)))) - 1


def claim_of(ratio, noise, pairs):
    """A difference is claimed when there are enough pairs, the interval excludes 1, and the effect
    is larger than the noise."""
    effect = abs(math.log(ratio.middle))
    if pairs < MIN_PAIRS or noise > MAX_NOISE or effect <= math.log1p(noise):
        return "none"
    if ratio.high < 1:
        return "less"
    return "more" if ratio.low > 1 else "none"


def compare(pairs, noise, random):
    ratio = ratio_of(pairs, random)
    return Comparison(ratio, len(pairs), claim_of(ratio, noise, len(pairs)))


def objections(noise, blocks, disturbed, failed):
    """Why a figure is INVALID; an empty list when it is not."""
    found = []
    if noise > MAX_NOISE:
        found.append(f"the same proxy differs from itself by up to {noise:.1%} (A/A)")
    if disturbed > MAX_DISTURBED * blocks:
        found.append(f"{disturbed} of {blocks} blocks were disturbed by other work on the machine")
    if failed:
        found.append(f"{failed} of {blocks} blocks had failures")
    return found


def _quantile(ordered, q):
    """Of a sorted list, by linear interpolation."""
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
