"""Bytes of parameters: by number, by type, with what an optimizer keeps."""

import math

import pytest
from pydantic import ValidationError

from reproductions import storage as module
from reproductions.catalog import StorageParams

SIZES = {"float16": 2, "float32": 4, "float64": 8}
SETS = {"none": 1, "sgd_momentum": 2, "adam": 3}


def measure(parameters=14_862, dtype="float32", optimizer="none"):
    params = StorageParams(parameters=parameters, dtype=dtype, optimizer=optimizer)
    return module.storage(params, "cpu")


@pytest.mark.parametrize("dtype", SIZES)
@pytest.mark.parametrize("optimizer", SETS)
def test_bytes_are_those_of_every_set_of_numbers(dtype, optimizer):
    found = measure(dtype=dtype, optimizer=optimizer)
    wanted = 14_862 * SIZES[dtype] * SETS[optimizer]
    counted = found.evidence["bytes"]
    assert wanted <= counted <= wanted + 8  # Adam counts its steps
    assert math.isclose(found.values["decimal"].value, counted / 1e6, rel_tol=1e-12, abs_tol=0)
    assert math.isclose(found.values["binary"].value, counted / 2**20, rel_tol=1e-12, abs_tol=0)


def test_a_file_holds_the_tensors_and_little_else():
    evidence = measure().evidence
    assert 0 < evidence["bytes_of_file"] - evidence["bytes"] < 4096


def test_more_parameters_take_more():
    assert measure(1).evidence["bytes"] == 4
    assert measure(14_863).evidence["bytes"] == measure().evidence["bytes"] + 4


def test_weights_left_out_show(monkeypatch):
    whole = measure(optimizer="adam")
    monkeypatch.setattr(module, "_state_after_a_step", lambda *_: {})
    assert measure(optimizer="adam").values["binary"].value < whole.values["binary"].value / 2


def test_no_parameters_are_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        StorageParams(parameters=0, dtype="float32", optimizer="none")
