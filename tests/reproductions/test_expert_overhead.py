"""What an expert and a gate add to LeNet-5, counted by hand."""

import pytest

from reproductions import expert_overhead as module
from reproductions.catalog import ExpertOverheadParams


def measure(num_classes=10):
    return module.expert_overhead(ExpertOverheadParams(num_classes=num_classes), "cpu")


def _reference_operations(num_classes):
    """Count LeNet-5's multiply-accumulates on 32 x 32 pixels, layer by layer."""
    convolutions = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25
    return convolutions + 400 * 120 + 120 * 84 + 84 * num_classes


@pytest.mark.parametrize("num_classes", [10, 47])
def test_both_designs_add_what_their_layers_hold(num_classes):
    found = measure(num_classes)
    size = 61_706 + 85 * (num_classes - 10)
    assert found.facts["parameters"] == size
    operations = _reference_operations(num_classes)
    assert found.evidence["multiply_accumulates"] == operations
    for design, read in (("pooled", 16), ("readout", 84)):
        elements = (read + 1) * num_classes + read + 1
        share = 100 * elements / size
        assert found.values[design].value == pytest.approx(share, abs=0, rel=1e-12)
        share = 100 * read * (num_classes + 1) / operations
        assert found.values[f"{design}_operations"].value == pytest.approx(share, abs=0, rel=1e-12)


def test_the_designs_lie_on_both_sides_of_the_printed_overhead():
    found = measure(47)
    assert found.values["pooled"].value < 2.4
    assert found.values["readout"].value > 2.6


def test_a_wider_reading_adds_more(monkeypatch):
    before = measure().values["pooled"].value
    monkeypatch.setitem(module._READ, "pooled", 32)
    assert measure().values["pooled"].value > before
