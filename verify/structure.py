"""Exact structures, printed against measured: an integer, a word, a schedule, a set."""

from fractions import Fraction

from pydantic import JsonValue

from reproductions.contract import Measurement
from verify.acceptance import Interval, Printed, exactly, interval_of
from verify.expect import Equal


def fact_of(found: Measurement, key: str) -> JsonValue:
    """Give the fact under a key, the number where there is only that, None if there is neither."""
    quantity = found.values.get(key)
    return found.facts.get(key, None if quantity is None else quantity.value)


def leaves_open(expect: Equal, found: Measurement, key: str) -> bool:
    """Tell whether all there is under a key is a number whose spread reaches the printed one."""
    quantity = found.values.get(key)
    if key in found.facts or quantity is None or quantity.low == quantity.high:
        return False
    printed = _plain(str(expect.printed))
    return isinstance(printed, Fraction) and not interval_of(quantity).disjoint(
        Interval(printed, printed)
    )


def matches(expect: Equal, fact: JsonValue) -> bool:
    """Tell whether a measured fact is what is printed; numbers compare by value, words exactly."""
    if expect.form in {"list", "set"}:
        if not isinstance(fact, list) or not isinstance(expect.printed, list):
            return False
        printed = [_plain(item) for item in expect.printed]
        measured = [_plain(item) for item in fact]
        return printed == measured if expect.form == "list" else set(printed) == set(measured)
    if isinstance(fact, list | dict):
        return False
    return _plain(str(expect.printed)) == _plain(fact)


def _plain(item: JsonValue) -> Fraction | str:
    """Read a number as a number, anything else as the text it prints as."""
    if isinstance(item, float):
        return exactly(item)
    text = str(item)
    try:
        return Printed.parse(text).value
    except ValueError:
        return text
