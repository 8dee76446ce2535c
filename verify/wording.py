"""Verdicts and numbers in words: shared by the console and the published pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from reproductions.contract import Spec
from verify.acceptance import at_print, exactly
from verify.expect import Bound, PrintedFigure, Range
from verify.report import Entry, Report
from verify.stored import Stored
from verify.verdict import MARKS, PRIMARY, Explanation, OffBy, PartVerdict

if TYPE_CHECKING:
    from verify.doctor import Obstacle

WORDS = {
    "pass": "holds",
    "fail": "does not hold",
    "inconclusive": "undecided",
    "not_comparable": "not comparable",
    "blocked": "blocked",
    "not_checkable": "not checkable",
    "error": "error",
}
SCOPES = {
    "claim": "the printed figure itself",
    "mechanism": "the stated cause, at a size of our own",
    "consistency": "printed numbers against printed numbers",
}
"""What a verdict is about; results of one never confirm another."""


def verdict_words(entry: Entry) -> str:
    """Give mark and words: ``✓ holds (convention: trainable)``, ``✓ holds (at least 86)``."""
    verdict = entry.verdict
    words = f"{MARKS[verdict.verdict]} {WORDS[verdict.verdict]}"
    if verdict.agreement not in {None, "as_printed"}:
        words += f" ({str(verdict.agreement).replace(':', ': ').replace('_', ' ')})"
    elif verdict.verdict != "pass":
        words += f" ({verdict.reason.replace('_', ' ')})"
    elif isinstance(entry.claim.expect, Bound):  # the print alone does not say what it bounds
        expect = entry.claim.expect
        words += f" ({expect.relation.replace('_', ' ')} {expect.printed})"
    return words + (" [stale]" if verdict.stale else "")


def number(entry: Entry, value: float) -> str:
    """Write a measured number with two digits more than the print it is compared with."""
    expect = entry.claim.expect
    last_digit = expect.figure.last_digit if isinstance(expect, PrintedFigure) else Fraction(1)
    if isinstance(expect, Range):
        last_digit = min(end.figure.last_digit for end in expect.ends)
    return at_print(exactly(value), last_digit)


_STRUCTURES = {"equal": "as printed", "not_equal": "not as printed"}
"""What is said in the place of a number where a structure was measured; the detail shows it."""


_COMPARED = {"holds", "does_not_hold", "all_parts", "some_part_fails", "vague"}
"""Reasons of verdicts on several measurements, whose numbers stand in the detail."""


def measured_words(entry: Entry) -> str:
    """Give the measured number, with its interval where it has one."""
    measured = entry.verdict.measured
    if measured is None:
        absent = "compared" if entry.verdict.reason in _COMPARED else "not measured"
        if entry.claim.scope == "consistency":
            absent = "prints compared"
        if entry.fact is not None and entry.verdict.reason != "equal":
            return fact_words(entry.fact)
        return _STRUCTURES.get(entry.verdict.reason, absent)
    text = number(entry, measured.value)
    if measured.low == measured.high:
        return text
    return f"{text} [{number(entry, measured.low)}, {number(entry, measured.high)}]"


def fact_words(fact: JsonValue) -> str:
    """Write a measured structure: a word, a whole number, items in a row."""
    if isinstance(fact, list):
        return ", ".join(map(fact_words, fact))
    return f"{fact:g}" if isinstance(fact, float) else str(fact)


def found_word(entry: Entry) -> str:
    """Say how the number beside a print came about: nothing runs where prints are compared."""
    return "recomputed" if entry.claim.scope == "consistency" else "measured"


def unprinted_words(stored: Stored | None, spec: Spec) -> str:
    """Give a measured number that no print says how to round: four significant digits."""
    measured = stored.measurement if stored is not None else None
    key = spec.conventions[0].name if spec.conventions else ""
    if measured is None or key not in measured.values:
        outcome = measured.facts.get("outcome") if measured is not None else None
        return str(outcome or "not measured").replace("_", " ")
    found = measured.values[key]
    text = f"{found.value:.4g}"
    if found.low != found.high:
        text += f" [{found.low:.4g}, {found.high:.4g}]"
    return text + (" [stale]" if stored is not None and stored.stale else "")


def off_by_words(off_by: OffBy | None) -> str:
    """Give how far off: ``+1 last digit, +0.34 %``."""
    if off_by is None:
        return ""
    digits = off_by.last_digits
    text = f"{digits:+d}" if digits else "0"
    text += " last digit" if abs(digits) == 1 else " last digits"
    return text if off_by.relative is None else f"{text}, {100 * off_by.relative:+.2f} %"


def explanation_words(entry: Entry, explanation: Explanation) -> str:
    """Say what would account for the print without deciding it."""
    if explanation.reason == PRIMARY:
        return f"{explanation.what} prints {entry.primary_printed}"
    value = number(entry, explanation.value)
    return f"{explanation.fit} as {explanation.what}: {value} ({explanation.reason})"


def part_words(part: PartVerdict) -> str:
    """Say what came of one part: ``✗ a more than b: does not hold (80.1 against 80.3)``."""
    return f"{MARKS[part.verdict]} {part.what}: {WORDS[part.verdict]} ({part.numbers})"


def summary(report: Report) -> str:
    """Head every table: what is decided, how, and what is not."""
    counts = report.counts()
    failed, passed = counts["fail"], counts["pass"]
    decided, convention = passed + failed, counts["pass_by_convention"]
    mistaken = counts["pass_by_mistake"]
    by_mistake = f"{mistaken} only by a mistake in measuring, " if mistaken else ""
    return (
        f"decided {decided} of {counts['claims']}: {passed - convention - mistaken} hold as "
        f"printed, {convention} only under a counting convention inferred from the table, "
        f"{by_mistake}"
        f"{failed} do not{_by_padding(counts['fail_over_precise'])}; "
        f"{counts['claims'] - decided} undecided"
    )


def _by_padding(over_precise: int) -> str:
    return f" ({over_precise} only for a .0 the primary does not print)" if over_precise else ""


def number_line(entry: Entry, width: int = 56) -> list[str]:
    """Draw the acceptance region and the measurement on one line of text.

    Args:
        entry: A claim with a region and a measured number; otherwise nothing is drawn.
        width: Characters between the outermost points.
    """
    verdict = entry.verdict
    region, measured = verdict.region, verdict.measured
    if region is None or measured is None:
        return []
    low, high = region
    points = [p for p in (low, high, measured.low, measured.high) if p is not None]
    left, right = min(points), max(points)
    span = (right - left) or 1.0

    def at(value: float) -> int:
        return round((value - left) / span * width)

    axis = [" "] * (width + 1)
    start, stop = at(left if low is None else low), at(right if high is None else high)
    for place in range(start, stop + 1):
        axis[place] = "═"
    if low is not None:
        axis[start] = "["
    if high is not None:
        axis[stop] = "]"
    marks = [" "] * (width + 1)
    for place in range(at(measured.low), at(measured.high) + 1):
        marks[place] = "─"
    marks[at(measured.value)] = "▲"
    ends = " to ".join("∞" if end is None else number(entry, end) for end in region)
    return [
        f"{''.join(axis)}  accepted: {ends}".rstrip(),
        f"{''.join(marks)}  {found_word(entry)}: {measured_words(entry)}".rstrip(),
    ]


_TRUSTED = {
    "published": "as published with it",
    "first use": "trusted on first use: nobody published a digest, that of the first file was "
    "pinned",
    "as given": "as a user gave it: no digest is known",
}


def artifact_words(evidence: JsonValue) -> Iterator[str]:
    """Name the weights and data that a measurement read, and say how they are known.

    Args:
        evidence: Of the measurement; what ``artifact_cache.evidence`` tells stands anywhere in it.
    """
    if not isinstance(evidence, dict):
        return
    if evidence.get("trust") in _TRUSTED:
        digest = f"SHA-256 {str(evidence['sha256'])[:16]}..., " if evidence.get("sha256") else ""
        yield f"{evidence.get('name')}, {digest}{_TRUSTED[str(evidence['trust'])]}"
    for inner in evidence.values():
        yield from artifact_words(inner)


_KINDS = {
    "model": "wait for a model to be written",
    "reproduction": "wait for a reproduction to be written",
    "weights": "want weights",
    "data": "want a data set",
    "device": "want a device",
    "not_measured": "not measured yet",
    "stale": "stale",
    "error": "failed in our own rig",
    "undecided": "undecided for good",
    "not_checkable": "undecided for good, no program settles them",
}
_TO_BE_SUPPLIED = frozenset({"model", "reproduction", "weights", "data", "device"})
_MOST_NAMED = 6


def obstacle_lines(obstacles: Iterable["Obstacle"]) -> list[str]:
    """Name what stands in the way, a line for each kind, the kind with most claims first."""
    kinds: dict[str, list[Obstacle]] = {}
    for obstacle in obstacles:
        kinds.setdefault(obstacle.kind, []).append(obstacle)
    claims = {kind: {id_ for o in of for id_ in o.claims} for kind, of in kinds.items()}
    lines = []
    for kind in sorted(kinds, key=lambda kind: -len(claims[kind])):
        things = [f"{o.what} ({len(o.claims)})" for o in kinds[kind]]
        named = _first(things)
        commands = _first(list(dict.fromkeys(f"`{o.command}`" for o in kinds[kind])))
        title = _KINDS.get(kind, kind.replace("_", " "))
        then = "then " if kind in _TO_BE_SUPPLIED else ""
        lines.append(f"{len(claims[kind]):>5}  {title}: {named}; {then}{commands}")
    return ["", "In the way, most claims first:", *lines] if lines else []


def _first(names: Sequence[str]) -> str:
    """Name the first few, and say how many there are beside them."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def package_words(package: Mapping[str, Any]) -> str:
    """Compare an installed package with the versions behind the ledger's measurements."""
    installed = package["installed"] or "not installed"
    words = f"{package['name']} {installed}"
    if package["same"] is None:
        return f"{words}: nothing is measured with it yet"
    before = ", ".join(str(version) for version in package["measured_with"])
    words += ": as measured with" if package["same"] else f": the ledger was measured with {before}"
    return words + (" (supplies models)" if package["supplies_models"] else "")
