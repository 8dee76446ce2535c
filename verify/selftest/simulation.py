"""Noise of known size around known truths: how often the judge passes or fails wrongly.

A truth is drawn near the limit of what is claimed, where mistakes are easiest; a measurement
scatters about it, and its interval covers it as often as stated. An interval wholly inside
while the truth is outside is a false pass, one wholly outside while it is inside a false fail.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from verify.claim import Claim
from verify.selftest.lab import LEVEL, Lab
from verify.selftest.oracle import Expected, spread

SEED = 20261120
TRIALS = 400
SPREAD = 0.01
"""Standard deviation of a measurement."""
CONFIDENCE = 0.999
"""Of the interval of a rate: several rates are looked at, none shall stand out by chance."""
REACH = NormalDist().inv_cdf(1 - LEVEL / 2)
REPRODUCTION = "parameter_count"
UNIT = "Mparam"


@dataclass(frozen=True)
class Rate:
    """How often a rule was wrong in one direction."""

    rule: str
    mistake: str
    wrong: int
    trials: int
    low: float
    high: float
    stated: float = LEVEL

    @property
    def too_often(self) -> bool:
        """Whether even the lower end of the interval is more than the stated rate."""
        return self.low > self.stated


@dataclass(frozen=True)
class _Rule:
    """What is claimed, and truths a given distance outside (inside if negative) its limit."""

    expect: Mapping[str, Any]
    truths: Callable[[float], tuple[float, ...]]


_RULES = {
    "value": _Rule({"kind": "value", "printed": "25.5", "unit": UNIT}, lambda by: (25.55 + by,)),
    "bound": _Rule(
        {"kind": "bound", "relation": "at_most", "printed": "25.5", "unit": UNIT},
        lambda by: (25.5 + by,),
    ),
    "ordering": _Rule({"kind": "ordering", "relation": "more_than"}, lambda by: (25.5 - by, 25.5)),
    "ratio": _Rule(
        {"kind": "ratio", "printed": "1.5", "unit": "ratio"}, lambda by: (1.55 * 8 + by, 8.0)
    ),
    "difference": _Rule(
        {"kind": "difference", "printed": "1.5", "unit": UNIT}, lambda by: (9.55 + by, 8.0)
    ),
}


def simulate(trials: int = TRIALS) -> list[Rate]:
    """Judge noisy measurements under every rule; report each rate with its interval."""
    draw = random.Random(SEED)
    return [rate for name, rule in _RULES.items() for rate in _rates(name, rule, draw, trials)]


def _rates(name: str, rule: _Rule, draw: random.Random, trials: int) -> Iterator[Rate]:
    for mistake, side in (("pass", 1), ("fail", -1)):
        verdicts = _judged(rule, draw, side, trials)
        wrong = verdicts.count(mistake)
        low, high = binomial_interval(wrong, trials)
        yield Rate(name, f"false {mistake}", wrong, trials, low, high)


def _judged(rule: _Rule, draw: random.Random, side: int, trials: int) -> list[str]:
    lab = _lab(rule)
    for _ in range(trials):
        truths = rule.truths(side * draw.uniform(1e-6, SPREAD))
        readings = []
        for truth in truths:
            found = draw.gauss(truth, SPREAD)
            readings.append(spread(found - REACH * SPREAD, found, found + REACH * SPREAD))
        needs = [lab.measure(lab.need(REPRODUCTION), {"all": reading}) for reading in readings]
        lab.expect("a draw", lab.add(lab.origin, needs), Expected("inconclusive", "straddles"))
    return [verdict.verdict for verdict in lab.judged().values()]


def _lab(rule: _Rule) -> Lab:
    given = {"reproduction": REPRODUCTION, "params": {"model": "decoy"}, "convention": "all"}
    alone = rule.expect["kind"] in {"value", "bound"}
    origin = Claim.model_validate(
        {
            "id": f"selftest.{REPRODUCTION}.draw",
            "source": "selftest",
            "statement": "A draw of known truth.",
            "found_at": [{"section": "1", "printed": "1"}],
            "expect": dict(rule.expect),
            **(given if alone else {"inputs": [given, given]}),
        }
    )
    return Lab(origin)


def binomial_interval(hits: int, trials: int) -> tuple[float, float]:
    """Give the Clopper-Pearson interval of a rate: exact, by bisection on the binomial tail."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits == 0 else _bisect(lambda rate: at_least(hits, trials, rate) < tail)
    high = 1.0 if hits == trials else _bisect(lambda r: at_least(hits + 1, trials, r) < 1 - tail)
    return low, high


def at_least(hits: int, trials: int, rate: float) -> float:
    """Give the chance of ``hits`` or more in ``trials``.

    Example:
        >>> at_least(1, 2, 0.5)
        0.75
    """
    if rate in {0.0, 1.0}:
        return rate if hits else 1.0
    few = (
        math.exp(_log_comb(trials, k) + _log_chance(k, trials, rate))
        for k in range(hits, trials + 1)
    )
    return round(min(1.0, math.fsum(few)), 12)


def _log_comb(trials: int, hits: int) -> float:
    return math.lgamma(trials + 1) - math.lgamma(hits + 1) - math.lgamma(trials - hits + 1)


def _log_chance(hits: int, trials: int, rate: float) -> float:
    return hits * math.log(rate) + (trials - hits) * math.log1p(-rate)


def _bisect(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
