"""What the declared conventions promise."""

import pytest

from reproductions.contract import Convention, Measurement, Quantity
from reproductions.conventions import MULTIPLY_ACCUMULATE_CONVENTIONS

SOUND = Convention(name="all", counts="everything")
UNSOUND = Convention(name="some", counts="something", sound=False)
DEPENDS = Convention(name="hooks", counts="what it sees", sound=False, sound_if_zero="missed")


def measured(**values):
    return Measurement(values={key: Quantity.exact(value, "GMAC") for key, value in values.items()})


@pytest.mark.parametrize(
    ("convention", "values", "is_sound"),
    [
        (SOUND, {}, True),
        (SOUND, {"missed": 1}, True),
        (UNSOUND, {"missed": 0}, False),
        (DEPENDS, {"missed": 0}, True),
        (DEPENDS, {"missed": 1e-9}, False),
        (DEPENDS, {}, False),
    ],
    ids=["sound", "sound_always", "unsound_always", "missed_nothing", "missed_one", "unknown"],
)
def test_a_convention_is_sound_if_it_missed_nothing(convention, values, is_sound):
    assert convention.is_sound_in(measured(**values)) is is_sound


def test_a_convention_that_may_have_missed_something_is_not_sound():
    missed = Quantity(value=0, low=0, high=1, unit="GMAC")
    assert not DEPENDS.is_sound_in(Measurement(values={"missed": missed}))


def test_multiply_accumulates_start_from_what_is_executed():
    assert [c.name for c in MULTIPLY_ACCUMULATE_CONVENTIONS] == [
        "executed",
        "executed_clustering",
        "executed_norm1",
        "executed_norm2",
        "conv_linear",
        "module_hooks",
    ]
    assert [c.sound for c in MULTIPLY_ACCUMULATE_CONVENTIONS] == [True] * 4 + [False] * 2


def test_a_convention_that_depends_on_the_model_is_unsound_to_who_does_not_ask():
    assert all(not c.sound for c in MULTIPLY_ACCUMULATE_CONVENTIONS if c.sound_if_zero)
