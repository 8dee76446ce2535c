"""Every locator of every claim against the documents: located, misquoted, unlocated, no_source."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from verify.claim import Cell, Claim, Passage, Sentence
from verify.expect import Equal
from verify.ground.document import Document
from verify.ground.figures import cell_states, is_sentence, states
from verify.ground.normal import label, normal
from verify.ground.places import NotThereError, Place, place_of
from verify.ground.sources import Reading, warnings_of
from verify.project import Project

Outcome = Literal["located", "misquoted", "unlocated", "no_source"]
OUTCOMES: tuple[Outcome, ...] = ("located", "misquoted", "unlocated", "no_source")
Locator = Cell | Passage | Sentence
Columns = Mapping[tuple[str, str], set[str]]


@dataclass(frozen=True)
class Problem:
    """One locator that does not lead to what the claim says is printed."""

    id: str
    locator: str
    outcome: Outcome
    wanted: str | None
    found: str | None
    """What stands there instead."""
    detail: str
    """One sentence."""


@dataclass(frozen=True)
class Grounding:
    """What became of every locator."""

    claims: int
    outcomes: Mapping[Outcome, int]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Claims, locators, and locators by outcome, every outcome present."""
        by_outcome: dict[str, int] = {
            outcome: self.outcomes.get(outcome, 0) for outcome in OUTCOMES
        }
        return {"claims": self.claims, "locators": sum(by_outcome.values()), **by_outcome}

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        return {
            "counts": self.counts,
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[str]:
        """Say what is not where a claim says it is, what to know of the documents, and counts."""
        counts = self.counts
        found = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
        return [
            *(f"warning: {warning}" for warning in self.warnings),
            *map(_line, self.problems),
            f"{counts['claims']} claims at {counts['locators']} places: {found}",
        ]


def ground(project: Project, readings: Mapping[str, Reading], ids: Iterable[str]) -> Grounding:
    """Resolve every locator of some claims and compare what stands there with the print.

    Measured twins ask nothing else of the documents and are left out.

    Args:
        project: The claims, checked.
        readings: The documents by name.
        ids: The claims asked for.
    """
    claims = [project.claims[id_] for id_ in ids if project.claims[id_].twin_of is None]
    columns = columns_of(project.claims.values())
    outcomes: Counter[Outcome] = Counter()
    problems = []
    for claim in claims:
        found = list(_problems_of(claim, readings, columns))
        outcomes.update(problem.outcome for problem in found)
        outcomes["located"] += len(claim.found_at) - len(found)
        problems.extend(found)
    asked = {source_of(claim, locator) for claim in claims for locator in claim.found_at}
    warnings = warnings_of(reading for name, reading in readings.items() if name in asked)
    return Grounding(len(claims), outcomes, tuple(problems), tuple(warnings))


def source_of(claim: Claim, locator: Locator) -> str:
    """Name the document a locator leads into."""
    return locator.source or claim.source


def columns_of(claims: Iterable[Claim]) -> Columns:
    """Collect the column labels claims know of each table: they help to read flattened ones."""
    columns: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for claim in claims:
        for locator in claim.found_at:
            if isinstance(locator, Cell):
                columns[source_of(claim, locator), locator.table].add(locator.column)
    return columns


def prints(claim: Claim) -> tuple[str, ...]:
    """List the strings the claim says the document prints; none for words alone.

    Words in our own terms ("dynamic") stand behind other words of the document where a
    locator gives those, or gives a whole sentence.
    """
    printed = getattr(claim.expect, "printed", None)
    if isinstance(claim.expect, Equal) and _in_own_words(claim, claim.expect):
        return ()
    if printed is None:
        return ()
    return (printed,) if isinstance(printed, str) else tuple(printed)


def _in_own_words(claim: Claim, expect: Equal) -> bool:
    """Tell whether words, not numbers, are expected at a place that is pinned by its own words."""
    expected = "".join(expect.printed)
    pinned = any(
        isinstance(place, Sentence) or (isinstance(place, Cell) and place.printed)
        for place in claim.found_at
    )
    return pinned and not any(character.isdigit() for character in expected)


def _problems_of(
    claim: Claim, readings: Mapping[str, Reading], columns: Columns
) -> Iterable[Problem]:
    """Yield at most one problem a locator."""
    shown: list[str] = []
    first_sound = None
    for locator in claim.found_at:
        source = source_of(claim, locator)
        reading = readings[source]
        if reading.document is None:
            yield _problem(claim, locator, "no_source", None, str(reading.warning))
            continue
        try:
            place = confirmed(claim, locator, reading.document, columns)
        except NotThereError as error:
            outcome: Outcome = "misquoted" if error.misquoted else "unlocated"
            yield _problem(claim, locator, outcome, error.found, error.detail)
            continue
        first_sound = first_sound or locator
        shown.append(_asserted(locator, place))
    wanted = prints(claim)
    missing = [p for p in wanted if not any(_states(text, p) for text in shown)]
    if first_sound is not None and len(wanted) > 1 and missing:
        detail = f"none of the claim's places prints {', '.join(map(repr, missing))}"
        yield _problem(claim, first_sound, "misquoted", "; ".join(shown), detail)


def confirmed(claim: Claim, locator: Locator, document: Document, columns: Columns) -> Place:
    """Resolve a locator of a claim and hold what stands there against the claim.

    Args:
        claim: The claim.
        locator: One of its places.
        document: Where that leads.
        columns: What claims call the columns of each table.

    Raises:
        NotThereError: the place is not there, or prints something else.
    """
    known: set[str] = set()
    if isinstance(locator, Cell):
        known = columns.get((source_of(claim, locator), locator.table), known)
    place = place_of(locator, document, known)
    _compare(claim, locator, place)
    return place


def _problem(
    claim: Claim, locator: Locator, outcome: Outcome, found: str | None, detail: str
) -> Problem:
    wanted = _own_print(locator) or ", ".join(prints(claim)) or None
    return Problem(claim.id, str(locator), outcome, wanted, found, detail)


def _own_print(locator: Locator) -> str | None:
    return None if isinstance(locator, Sentence) else locator.printed


def _asserted(locator: Locator, place: Place) -> str:
    """Give the words at a place that the claim rests on."""
    return _own_print(locator) or place.text


def _compare(claim: Claim, locator: Locator, place: Place) -> None:
    """Refuse a place that does not print what the claim says.

    Raises:
        NotThereError: it prints something else.
    """
    if claim.damaged is not None:
        _compare_damaged(claim, locator, place)
    own = _own_print(locator)
    is_cell = isinstance(locator, Cell)
    damaged = claim.damaged is not None
    if own is not None and is_cell and not damaged and not cell_states(place.text, own):
        raise _misquoted(place.text, place, f"the cell does not print {own!r}")
    wanted = prints(claim)
    text = _asserted(locator, place)
    sound = cell_states if is_cell and own is None else states
    if wanted and not any(sound(text, printed) for printed in wanted):
        if damaged and _breaks_off(text, wanted[0]):
            return
        what = "cell" if is_cell else "passage" if isinstance(locator, Passage) else "sentence"
        raise _misquoted(text, place, f"the {what} does not print {', '.join(map(repr, wanted))}")


def _compare_damaged(claim: Claim, locator: Locator, place: Place) -> None:
    """Hold a claim on damaged text to it: the text has to break off where the claim says.

    Raises:
        NotThereError: the text goes on, or is whole.
    """
    if isinstance(locator, Sentence):
        return
    if isinstance(locator, Passage):
        if place.rest.strip(" .!?)\"'"):
            raise _misquoted(place.text + place.rest, place, "the text does not break off there")
        return
    printed = locator.printed or next(iter(prints(claim)), None)
    if printed is None:
        if place.text.endswith((".", "!", "?")):
            raise _misquoted(place.text, place, "the text is whole, it does not break off")
    elif not _breaks_off(place.text, printed):
        detail = f"the text does not break off after {printed!r}"
        raise _misquoted(place.text, place, detail)


def _breaks_off(text: str, printed: str) -> bool:
    wanted, whole = normal(printed), normal(text)
    before = whole.removesuffix(wanted)
    return whole.endswith(wanted) and not (wanted[:1].isalnum() and before[-1:].isalnum())


def _states(text: str, printed: str) -> bool:
    if not is_sentence(text) and label(text) == label(printed):
        return True
    return states(text, printed) or cell_states(text, printed)


def _misquoted(found: str, place: Place, what: str) -> NotThereError:
    return NotThereError(f"line {place.line}: {what}", found, misquoted=True)


def _line(problem: Problem) -> str:
    line = f"{problem.outcome}: {problem.id}: {problem.locator}: {problem.detail}"
    return line if problem.found is None else f"{line}; found {_short(problem.found)!r}"


def _short(text: str) -> str:
    longest = 80
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
