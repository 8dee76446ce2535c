"""How often a ratio of speeds is judged wrongly: simulated sessions of two models, judged."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from reproductions.contract import Measurement, Quantity
from verify.judge import judge
from verify.load import load
from verify.stored import Stored

INDEX = """
schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
""" % ("0" * 64)
CLAIMS = """
source: toyvig
tables:
  - table: {table: "6", column: "b = 64"}
    title: Speed
    statement: "{row} handles {printed} images a second."
    reproduction: throughput
    params: {batch: 64, precision: default, device: rtx-6000-ada}
    qualifier: b64
    over: {"New": "Old"}
    expect: {kind: value, unit: images/s}
    rows:
      "Old": {printed: "100.0", model: pvig_ti}
      "New": {printed: "100.0", model: clustervig_ti}
"""
MODELS = ("clustervig_ti", "pvig_ti")
RATIO = "toyvig.throughput.clustervig_ti.b64.over_pvig_ti"
TRIALS = 2000
DOUBT = 1e-4
"""How often a right rate would fall outside its bounds, on either side, with another seed."""
LOW, HIGH = 0.9495, 1.0505
"""Ends of what is accepted of a printed 1.000: half a last digit and 5 percent."""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    (tmp_path / "claims" / "toyvig.yaml").write_text(CLAIMS)
    return load(tmp_path)


def words(project, ratio, scatter):
    """Judge sessions of five rounds in which one model is ``ratio`` times as fast as the other."""
    draw = np.random.default_rng(6)
    of_rounds = np.exp(draw.normal(0, 0.1, (TRIALS, 5)))  # what a round does to both
    found = Counter()
    for rounds in of_rounds:
        stored = {}
        for model, speed in zip(MODELS, (ratio, 1.0), strict=True):
            latencies = rounds / speed * np.exp(draw.normal(0, scatter, 5))
            (need,) = project.needs[f"toyvig.throughput.{model}.b64"]
            measured = Measurement(
                values={
                    "throughput": Quantity.exact(64e3 / float(np.median(latencies)), "images/s")
                },
                facts={"outcome": "runs", "device": "rtx-6000-ada", "session": "one"},
                samples={"latency_ms": latencies.tolist()},
            )
            stored[need.key] = Stored("ok", measured, "", False, need.key, "toy", 1.0)
        found[judge(project, stored, [RATIO])[RATIO].verdict] += 1
    return found


def is_rate(times, rate):
    """Tell whether an event of that probability may have happened so often in TRIALS."""
    low, high = stats.binom.ppf([DOUBT, 1 - DOUBT], TRIALS, rate)
    return low <= times <= high


@pytest.mark.parametrize("end", [LOW, HIGH], ids=["slower", "faster"])
def test_at_the_limit_each_mistake_is_as_frequent_as_one_side_of_its_level(end, project):
    found = words(project, end, scatter=0.005)  # equivalence by two one-sided tests at 0.025
    assert is_rate(found["pass"], 0.025)
    assert is_rate(found["fail"], 0.025)


@pytest.mark.parametrize("ratio", [LOW / 1.01, HIGH * 1.01], ids=["slower", "faster"])
def test_beyond_the_limit_a_pass_is_rarer(ratio, project):
    assert words(project, ratio, scatter=0.01)["pass"] < stats.binom.ppf(DOUBT, TRIALS, 0.025)


def test_equal_models_pass_where_the_scatter_allows_it_and_never_fail(project):
    assert words(project, 1.0, scatter=0.005)["pass"] > 0.99 * TRIALS
    wide = words(project, 1.0, scatter=0.1)
    assert wide["inconclusive"] > 0.9 * TRIALS
    assert wide["fail"] < stats.binom.ppf(DOUBT, TRIALS, 0.025)


def test_a_difference_of_3_percent_beyond_the_limit_is_found(project):
    assert words(project, HIGH * 1.03, scatter=0.005)["fail"] > 0.99 * TRIALS
