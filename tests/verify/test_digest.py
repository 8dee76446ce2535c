"""Digests of values: what moves them and what does not."""

import math

import pytest

from verify.digest import canonical_json, digest
from verify.errors import VerifyError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"b": [1, 2.0], "a": None}, b'{"a":null,"b":[1,2.0]}', id="sorted"),
        pytest.param("\u00e9\u2028\n", '"\u00e9\u2028\\n"'.encode(), id="utf-8"),
        pytest.param(0.1 + 0.2, b"0.30000000000000004", id="float by repr"),
        pytest.param((True, 1), b"[true,1]", id="tuple"),
    ],
)
def test_canonical_json_writes_each_value_in_one_way(value: object, text: bytes) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize(
    "value",
    [math.nan, [-math.inf], {"a": {1}}, "\ud800", {"a": 1, 2: 3}],
    ids=["nan", "infinity", "set", "half a surrogate pair", "mixed keys"],
)
def test_canonical_json_refuses_what_json_has_no_form_for(value: object) -> None:
    with pytest.raises(VerifyError, match="has no JSON form"):
        canonical_json(value)


def test_digest_is_the_sha256_of_the_canonical_json() -> None:
    wanted = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert digest({"a": 1}) == wanted
