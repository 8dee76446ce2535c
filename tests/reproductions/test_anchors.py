"""Anchors: they run on a CPU, and what is slower shows."""

import itertools

import pytest
import torch

from reproductions.anchors import anchors, timed
from reproductions.catalog import AnchorsParams
from reproductions.contract import NotMeasurableError
from reproductions.stopwatch import WallClock


def test_anchors_of_a_cpu_are_three_positive_figures():
    found = anchors(AnchorsParams(device="cpu"), "cpu")
    assert {name: quantity.unit for name, quantity in found.values.items()} == {
        "matmul": "TFLOP/s",
        "copy": "GB/s",
        "model": "images/s",
    }
    assert all(quantity.value > 0 for quantity in found.values.values())
    side, least = 512, found.evidence["matmul"]["least_ms"]
    assert found.values["matmul"].value == pytest.approx(2 * side**3 / least / 1e9, rel=1e-9)


def test_a_gpu_that_is_not_there_is_an_obstacle(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NotMeasurableError, match="wants a CUDA device, found none"):
        anchors(AnchorsParams(device="cuda"), "cuda:0")


@pytest.mark.parametrize("slowed", [1, 2])
def test_the_fastest_lap_counts_and_a_slower_load_shows(slowed):
    now, runs = [0.0], itertools.count()

    def load():
        now[0] += slowed * (0.01 + 0.001 * (next(runs) % 3))

    laps = timed(WallClock(now=lambda: now[0]), load)
    assert min(laps) == pytest.approx(0.01 * slowed)
    assert sum(laps) >= 0.3
