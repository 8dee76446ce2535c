"""Two outcomes of one measurement: what counts as another number, and what a clock may do."""

import pytest

from reproductions.contract import Measurement, Quantity
from verify.stored import Stored


def stored(*, outcome="ok", evidence=0.0, facts=None, **values):
    measurement = Measurement(values=values, facts=facts or {}, evidence={"seconds": evidence})
    found = measurement if outcome == "ok" else None
    return Stored(outcome, found, "", False, "", "", 1.0)


def exact(value, unit="GiB"):
    return Quantity.exact(value, unit)


def around(value, level=0.05):
    return Quantity(value=value, low=value - 1, high=value + 1, level=level, unit="percent")


@pytest.mark.parametrize(
    ("before", "now", "differs"),
    [
        pytest.param(stored(a=exact(1)), stored(a=exact(1), evidence=2.0), False, id="evidence"),
        pytest.param(stored(a=exact(1)), stored(a=exact(1 + 1e-9)), True, id="an exact number"),
        pytest.param(stored(a=exact(1)), stored(b=exact(1)), True, id="another key"),
        pytest.param(stored(a=exact(1)), stored(a=exact(1), facts={"c": 1}), True, id="a fact"),
        pytest.param(stored(a=exact(1)), stored(a=exact(1, "GMAC")), True, id="another unit"),
        pytest.param(stored(a=exact(1, "ms")), stored(a=exact(9, "ms")), False, id="a time"),
        pytest.param(stored(a=around(5)), stored(a=around(7)), False, id="intervals that meet"),
        pytest.param(stored(a=around(5)), stored(a=around(7.1)), True, id="intervals apart"),
        pytest.param(
            stored(a=around(5, None)), stored(a=around(5.5, None)), True, id="bounds, no error rate"
        ),
        pytest.param(stored(a=exact(1)), stored(outcome="blocked"), True, id="blocked since"),
        pytest.param(stored(outcome="blocked"), stored(outcome="blocked"), False, id="still so"),
    ],
)
def test_what_counts_as_another_outcome(before, now, differs):
    assert before.differs_from(now) is differs
    assert now.differs_from(before) is differs
