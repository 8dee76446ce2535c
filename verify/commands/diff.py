"""``verify diff``."""

import json
from typing import Any

from verify.commands import DONE, FOUND, Options
from verify.diff import Difference, Interval, MeasurementChange, VerdictChange, difference
from verify.root import find_root
from verify.say import say
from verify.sides import Side, side


def command(options: Options) -> int:
    """Say what changed between two ledgers."""
    root = find_root(options.project)
    before, after = side(root, options.before), side(root, options.after)
    found = difference(before, after)
    if options.json:
        sides = {"before": _side_json(before), "after": _side_json(after)}
        say(json.dumps({**sides, **found.as_json()}, indent=1))
    else:
        _show(before, after, found)
    return FOUND if options.check and (found.verdicts or found.measurements) else DONE


def _side_json(given: Side) -> dict[str, Any]:
    machines = {machine: len(events) for machine, events in given.ledgers.items()}
    return {"name": given.name, "head": given.head, "events": machines}


def _show(before: Side, after: Side, found: Difference) -> None:
    for word, given in (("from", before), ("to  ", after)):
        machines = ", ".join(given.ledgers)
        say(f"{word} {given.name}: {machines}, {given.number} events, head {given.head}")
    say(f"\n{_number(len(found.verdicts), 'verdict')} changed")
    for change in found.verdicts:
        say(_verdict_line(change))
    say(f"\n{_number(len(found.measurements), 'measured number')} moved beyond the intervals")
    for moved in found.measurements:
        say(_measurement_line(moved))


def _number(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _verdict_line(change: VerdictChange) -> str:
    line = f"  {change.claim}: {change.before or 'none'} to {change.after or 'none'}"
    if change.measured_before != change.measured_after:
        line += f"; measured {_told(change.measured_before)} to {_told(change.measured_after)}"
    return f"{line}; moved: {', '.join(change.moved) or 'none of the recorded inputs'}"


def _measurement_line(change: MeasurementChange) -> str:
    named = f"{change.reproduction} {json.dumps(dict(change.params))}"
    counted = f" {change.key}" if change.key else ""
    line = f"  {named}{counted}: {_told(change.before)} to {_told(change.after)}"
    return f"{line}; moved: {', '.join(change.moved) or 'none of the recorded inputs'}"


def _told(found: Interval | str | None) -> str:
    if found is None:
        return "nothing"
    if isinstance(found, str):
        return found
    value, low, high = found
    return f"{value:.6g}" if low == high else f"{value:.6g} [{low:.6g}, {high:.6g}]"
