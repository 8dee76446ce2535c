"""Exact structures: what counts as the same, and that wrong types never do."""

from typing import Any

import pytest

from reproductions.contract import Measurement, Quantity
from verify.expect import Equal
from verify.structure import fact_of, matches


def expected(form: str, printed: str | list[str]) -> Equal:
    return Equal.model_validate({"kind": "equal", "form": form, "printed": printed})


@pytest.mark.parametrize(
    ("form", "printed", "fact", "same"),
    [
        pytest.param("integer", "12", 12, True, id="integer"),
        pytest.param("integer", "12", 13, False, id="another_integer"),
        pytest.param("integer", "1,024", 1024, True, id="integer_with_commas"),
        pytest.param("integer", "12", 12.0, True, id="integer_as_float"),
        pytest.param("integer", "12", 12.5, False, id="no_integer"),
        pytest.param("integer", "12", "twelve", False, id="integer_against_a_word"),
        pytest.param("integer", "12", [12], False, id="integer_against_a_list"),
        pytest.param("integer", "12", {"n": 12}, False, id="integer_against_a_mapping"),
        pytest.param("integer", "1", True, False, id="integer_against_truth"),
        pytest.param("word", "GELU", "GELU", True, id="word"),
        pytest.param("word", "GELU", "gelu", False, id="word_in_another_case"),
        pytest.param("word", "GELU", "ReLU", False, id="another_word"),
        pytest.param("word", "GELU", ["GELU"], False, id="word_against_a_list"),
        pytest.param("word", "['GELU']", ["GELU"], False, id="word_that_looks_like_a_list"),
        pytest.param("list", ["9", "12", "18"], [9, 12, 18], True, id="list"),
        pytest.param("list", ["9", "12", "18"], [9, 18, 12], False, id="list_in_another_order"),
        pytest.param("list", ["9", "12"], [9, 12, 18], False, id="list_too_long"),
        pytest.param("list", ["9", "12", "18"], [9, 12], False, id="list_too_short"),
        pytest.param("list", ["9"], 9, False, id="list_against_an_integer"),
        pytest.param("list", ["9"], "9", False, id="list_against_a_word"),
        pytest.param("list", ["a", "b"], ["a", "b"], True, id="list_of_words"),
        pytest.param("set", ["a", "b"], ["b", "a"], True, id="set_in_any_order"),
        pytest.param("set", ["a", "b"], ["b", "a", "a"], True, id="set_with_a_repeat"),
        pytest.param("set", ["a", "b"], ["a"], False, id="set_too_small"),
        pytest.param("set", ["a", "b"], ["a", "b", "c"], False, id="set_too_large"),
        pytest.param("set", ["a"], "a", False, id="set_against_a_word"),
    ],
)
def test_a_fact_is_what_is_printed_or_is_not(
    form: str, printed: str | list[str], fact: Any, same: bool
) -> None:
    assert matches(expected(form, printed), fact) is same


def test_a_fact_goes_before_the_number_of_the_same_key() -> None:
    both = Measurement(values={"k": Quantity.exact(2.0, "param")}, facts={"k": "two"})
    number = Measurement(values={"k": Quantity.exact(2.0, "param")})
    assert (fact_of(both, "k"), fact_of(number, "k"), fact_of(both, "other")) == ("two", 2.0, None)
