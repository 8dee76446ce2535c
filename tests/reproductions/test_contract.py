"""What a measurement may be, and how a reproduction becomes known."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reproductions.catalog import PARAMETER_COUNT, ParameterCountParams
from reproductions.contract import Measurement, Quantity, declare, reproduction
from reproductions.conventions import PARAMETER_CONVENTIONS
from reproductions.errors import ReproductionError

NOT_FINITE = pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_exact_quantity_has_no_width(number):
    quantity = Quantity.exact(number, "Mparam")
    assert quantity.low == quantity.value == quantity.high == number


@NOT_FINITE
def test_an_exact_quantity_is_finite(number):
    with pytest.raises(ReproductionError, match="want a finite number of Mparam"):
        Quantity.exact(number, "Mparam")


@NOT_FINITE
@pytest.mark.parametrize("field", ["facts", "samples", "evidence"])
def test_a_measurement_holds_no_number_that_is_none(field, number):
    with pytest.raises(ValidationError, match="finite number"):
        Measurement(values={}, **{field: {"key": [number]}})


@pytest.mark.parametrize(("low", "high"), [(2, 3), (0, 0.5)], ids=["above", "below"])
def test_a_value_lies_in_its_interval(low, high):
    with pytest.raises(ValidationError, match="want low <= value <= high"):
        Quantity(value=1, low=low, high=high, unit="Mparam")


def test_a_measurement_survives_json():
    measurement = Measurement(
        values={"all": Quantity.exact(7.184744, "Mparam")}, evidence={"names": ["head"]}
    )
    assert Measurement.model_validate_json(measurement.model_dump_json()) == measurement


def test_params_are_not_converted():
    with pytest.raises(ValidationError, match="valid integer"):
        ParameterCountParams(model="vig_ti", num_classes="1000")


def test_declaring_the_same_spec_again_changes_nothing():
    assert declare(PARAMETER_COUNT) is PARAMETER_COUNT


def test_a_name_is_declared_once():
    with pytest.raises(ReproductionError, match="'parameter_count' is declared twice"):
        declare(dataclasses.replace(PARAMETER_COUNT, protocol=2))


def pooled(measurements):
    return measurements[0]


@pytest.mark.parametrize(
    ("processes", "pool"), [(1, None), (2, pooled), (5, pooled)], ids=["1", "2", "5"]
)
def test_a_spec_of_several_processes_says_how_to_pool_them(processes, pool):
    spec = dataclasses.replace(PARAMETER_COUNT, processes=processes, pool=pool)
    assert (spec.processes, spec.pool) == (processes, pool)


@pytest.mark.parametrize(
    ("processes", "pool", "message"),
    [
        (0, None, "want at least 1 process, got 0"),
        (-1, pooled, "want at least 1 process, got -1"),
        (1, pooled, "want no pool for processes=1"),
        (2, None, "want a pool for processes=2"),
    ],
)
def test_a_spec_whose_processes_and_pool_do_not_fit_is_refused(processes, pool, message):
    with pytest.raises(ReproductionError, match=f"spec 'parameter_count': {message}"):
        dataclasses.replace(PARAMETER_COUNT, processes=processes, pool=pool)


def test_what_is_not_timed_runs_in_one_process():
    assert (PARAMETER_COUNT.processes, PARAMETER_COUNT.pool) == (1, None)


def test_a_function_needs_a_declaration():
    with pytest.raises(ReproductionError, match="'undeclared': want a declared Spec"):

        @reproduction
        def undeclared(params, device):
            raise NotImplementedError


def test_the_first_convention_counts_everything():
    assert PARAMETER_CONVENTIONS[0].name == "all"
    assert len({convention.name for convention in PARAMETER_CONVENTIONS}) == 5
