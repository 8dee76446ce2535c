"""Sizes of partitions: bounds on one side, entropy by hand, and a clustering that goes wrong."""

from math import log

import pytest
import torch

from reproductions import partition_size as module
from reproductions.catalog import PartitionSizeParams
from reproductions.contract import NotMeasurableError
from vig_models import clustervig, create_model


@pytest.fixture(autouse=True)
def small(monkeypatch):
    def build(name, *, implementation, **_):
        settings = {"depth": 2, "channels": 64} if name == "clustervig_ti" else {"depth": 1}
        return create_model(name, implementation=implementation, **settings).eval()

    monkeypatch.setattr(module, "build_model", build)


def measure(model="clustervig_ti", **params):
    given = {"block": 2, "images": 2, **params}
    return module.partition_size(PartitionSizeParams(model=model, **given), "cpu")


def test_extremes_are_those_seen_and_bound_what_was_not_on_one_side():
    found = measure()
    sizes = found.evidence["sizes"]
    assert [sum(image) for image in sizes] == [196, 196]
    least, greatest = found.values["least"], found.values["greatest"]
    assert (least.low, least.value, least.high) == (0, min(map(min, sizes)), min(map(min, sizes)))
    assert (greatest.low, greatest.high) == (max(map(max, sizes)), 196)


def _reference_balance(sizes):
    total = 0.0
    for size in sizes:
        if size > 0:
            total -= size / sum(sizes) * log(size / sum(sizes))
    return total / log(len(sizes))


@pytest.mark.parametrize("sizes", [[49, 49, 49, 49], [100, 50, 46, 0], [1, 193, 1, 1], [3, 5]])
def test_balance_is_the_entropy_over_that_of_equal_sizes(sizes):
    assert module.balance(sizes) == pytest.approx(_reference_balance(sizes), abs=1e-11)


def test_runs_settle_within_the_iterations_asked_for_or_not():
    taken = measure().evidence["iterations"]
    for limit in (min(taken) - 1 or 1, max(taken), 25):
        share = sum(number <= limit and number < 25 for number in taken) / len(taken)
        assert measure(iterations=limit).values["settled"].value == pytest.approx(share, abs=1e-12)


def test_a_run_that_is_cut_short_did_not_settle(monkeypatch):
    before = clustervig.kmeans
    monkeypatch.setattr(
        clustervig, "kmeans", lambda *given, **named: before(*given, **named, max_iterations=1)
    )
    assert measure().values["settled"].value == 0


def test_one_partition_for_all_shows(monkeypatch):
    before = clustervig.kmeans

    def lumped(nodes, clusters, generator, **named):
        labels, centers = before(nodes, clusters, generator, **named)
        lump = torch.zeros_like(labels)
        lump[:, 0] = 3
        return lump, centers

    monkeypatch.setattr(clustervig, "kmeans", lumped)
    values = measure().values
    assert (values["least"].value, values["greatest"].value) == (0, 195)
    assert values["balance"].value < 0.1


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"block": 3}, "'clustervig_ti' has blocks 1 to 2, got 3"),
        ({"model": "vig_ti"}, "want a model of clustervig, got 'vig_ti'"),
    ],
)
def test_what_has_no_such_partitions_is_an_obstacle(params, words):
    with pytest.raises(NotMeasurableError, match=words):
        measure(**params)
