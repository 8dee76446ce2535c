"""The marker around a model's clustering."""

import subprocess
import sys

import pytest

from vig_models import ModelError
from vig_models.clustering import clustering, running


def test_nothing_runs_outside_of_a_clustering():
    assert running() is None
    with clustering(most=2) as run:
        assert running() is run
    assert running() is None


def test_iterations_are_numbered_and_counted():
    with clustering(most=3) as run:
        assert (run.taken, run.iterating) == (0, False)
        seen = [(number, run.taken, run.iterating) for number in run]
        assert (run.taken, run.iterating) == (3, False)
    assert seen == [(0, 1, True), (1, 2, True), (2, 3, True)]


def test_breaking_out_ends_the_iterations():
    with clustering(most=9) as run:
        for _ in run:
            break
        assert (run.taken, run.iterating) == (1, False)


def test_a_failing_clustering_is_over():
    with pytest.raises(ZeroDivisionError, match="zero"), clustering(most=1):
        _ = 1 / 0
    assert running() is None


def test_the_inner_of_two_clusterings_runs():
    with clustering(most=1) as outer:
        with clustering(most=1) as inner:
            assert running() is inner
        assert running() is outer


@pytest.mark.parametrize(("fewest", "most"), [(-1, 3), (4, 3)])
def test_the_fewest_iterations_are_no_more_than_the_most(fewest, most):
    with (
        pytest.raises(ModelError, match="want 0 <= fewest <= most"),
        clustering(fewest=fewest, most=most),
    ):
        pass


def test_it_loads_without_torch():
    code = "import sys, vig_models.clustering; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
