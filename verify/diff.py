"""Two sides' ledgers compared: which verdicts changed and which input moved. Loads no claim.

A recorded verdict rests on digests of the claim and of the judging code, and on measurements;
these rest on digests of code, packages and protocol. All are kept apart, so that of a verdict
that changed it can be told which of them is another than before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from heapq import merge
from typing import Any

from verify.ledger import Event
from verify.outcome import completeness
from verify.sides import Side

Interval = tuple[float, float, float]
"""Value, low end, high end."""


_CODE = ("code", "protocol")


@dataclass(frozen=True)
class VerdictChange:
    """A claim whose recorded verdict differs."""

    claim: str
    before: str | None
    """Verdict and reason; None where this side has none."""
    after: str | None
    measured_before: Interval | None
    measured_after: Interval | None
    moved: tuple[str, ...]
    """The inputs that differ."""


@dataclass(frozen=True)
class MeasurementChange:
    """A measured number that lies outside its interval of before, or how it ended."""

    reproduction: str
    params: Mapping[str, Any]
    key: str
    """The convention; empty where not a number but the outcome differs."""
    before: Interval | str
    after: Interval | str
    moved: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What lies between two sides."""

    verdicts: tuple[VerdictChange, ...]
    measurements: tuple[MeasurementChange, ...]

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        return {
            "verdicts": [asdict(change) for change in self.verdicts],
            "measurements": [asdict(change) for change in self.measurements],
        }


def difference(before: Side, after: Side) -> Difference:
    """Compare the latest verdicts and measurements of two sides."""
    one, other = _Recorded(before), _Recorded(after)
    return Difference(tuple(_verdicts(one, other)), tuple(_measurements(one, other)))


class _Recorded:
    """The latest of everything that one side's ledgers hold."""

    def __init__(self, side: Side) -> None:
        # A ledger's own order beats its clock; of several machines the later event counts.
        self._events = list(merge(*side.ledgers.values(), key=lambda event: event.time))

    @cached_property
    def judged(self) -> dict[str, Event]:
        """The last verdict on every claim."""
        return {e.body["claim"]: e for e in self._events if e.type == "judged"}

    @cached_property
    def measured(self) -> dict[str, Event]:
        """The outcome of every measurement that counts, by its key.

        The last one; but with the same code and packages what could not be measured, perhaps on
        another machine, or was seen in part takes no whole measurement's place.
        """
        found: dict[str, Event] = {}
        for event in self._events:
            if event.type == "measured":
                before = found.get(event.body["key"])
                if before is None or _takes_its_place(event, before):
                    found[event.body["key"]] = event
        return found

    @cached_property
    def by_hash(self) -> dict[str, Event]:
        """Every measurement by the hash that verdicts name it by."""
        return {e.sha256: e for e in self._events if e.type == "measured"}

    def evidence(self, judged: Event) -> dict[str, Event]:
        """Give the measurements a verdict rests on, by their keys."""
        known = (self.by_hash.get(sha) for sha in judged.body["verdict"]["evidence"])
        return {event.body["key"]: event for event in known if event is not None}


def _takes_its_place(event: Event, before: Event) -> bool:
    moved = any(event.digests.get(n) != before.digests.get(n) for n in (*_CODE, "packages"))
    return moved or completeness(event.body) >= completeness(before.body)


def _verdicts(one: _Recorded, other: _Recorded) -> Iterator[VerdictChange]:
    for claim in dict.fromkeys([*one.judged, *other.judged]):
        first, second = one.judged.get(claim), other.judged.get(claim)
        before, after = _words(first), _words(second)
        if before != after:
            yield VerdictChange(
                claim,
                before,
                after,
                _shown(first),
                _shown(second),
                tuple(dict.fromkeys(_moved(one, first, other, second))),
            )


def _words(judged: Event | None) -> str | None:
    if judged is None:
        return None
    verdict = judged.body["verdict"]
    reason = verdict["agreement"] if verdict["verdict"] == "pass" else verdict["reason"]
    return f"{verdict['verdict']} ({reason or verdict['reason']})"


def _shown(judged: Event | None) -> Interval | None:
    found = None if judged is None else judged.body["verdict"]["measured"]
    return None if found is None else (found["value"], found["low"], found["high"])


def _moved(
    one: _Recorded, first: Event | None, other: _Recorded, second: Event | None
) -> Iterator[str]:
    """Name the inputs that differ between two verdicts on one claim."""
    if first is None or second is None:
        yield "judged on one side only"
        return
    names = {"claim": "the claim", "policy": "the rules of judging"}
    for name, told in names.items():
        if first.digests.get(name) != second.digests.get(name):
            yield told
    before, after = one.evidence(first), other.evidence(second)
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            present = new or old
            side = "now" if old is None else "no longer"
            if present is not None:
                yield f"{_named(present)} is {side} part of the evidence"
        elif old.sha256 != new.sha256:
            yield from _inputs(old, new)
            if list(_numbers(old, new)):
                yield f"the measurement of {_named(new)}"


def _named(event: Event) -> str:
    model = event.body["params"].get("model")
    return f"{event.body['reproduction']} of {model}" if model else str(event.body["reproduction"])


def _inputs(old: Event, new: Event) -> Iterator[str]:
    """Name what differs between the inputs of two measurements of one key."""
    # Weights and data stand among the digests by their names.
    for name in dict.fromkeys([*_CODE, *old.digests, *new.digests]):
        if name != "packages" and old.digests.get(name) != new.digests.get(name):
            yield name
    then, now = old.digests.get("packages") or {}, new.digests.get("packages") or {}
    for package in dict.fromkeys([*then, *now]):
        if then.get(package) != now.get(package):
            yield f"{package} {then.get(package)} to {now.get(package)}"
    for name in ("gpu", "cpu", "machine"):
        mine, theirs = _device(old, name), _device(new, name)
        if mine != theirs:
            yield f"{name} {mine} to {theirs}"


def _device(event: Event, name: str) -> str:
    found = event.environment.get(name)
    return str(found.get("name") if isinstance(found, dict) else found)


def _measurements(one: _Recorded, other: _Recorded) -> Iterator[MeasurementChange]:
    for key, old in one.measured.items():
        new = other.measured.get(key)
        if new is None or new.sha256 == old.sha256:
            continue
        moved = tuple(dict.fromkeys(_inputs(old, new)))
        name, params = new.body["reproduction"], new.body["params"]
        outcomes = old.body["outcome"], new.body["outcome"]
        if outcomes[0] != outcomes[1]:
            yield MeasurementChange(name, params, "", *outcomes, moved)
        for convention, before, after in _numbers(old, new):
            yield MeasurementChange(name, params, convention, before, after, moved)


def _numbers(old: Event, new: Event) -> Iterator[tuple[str, Interval, Interval]]:
    """Yield the numbers of two measurements whose intervals have nothing in common."""
    before, after = _values(old), _values(new)
    for name in before:
        if name in after:
            first, second = before[name], after[name]
            if first[2] < second[1] or second[2] < first[1]:
                yield name, first, second


def _values(event: Event) -> dict[str, Interval]:
    measurement = event.body.get("measurement")
    if measurement is None:
        return {}
    return {
        name: (quantity["value"], quantity["low"], quantity["high"])
        for name, quantity in measurement["values"].items()
    }
