"""Every number a page may show, by subject and field: one place to write it, one to check it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from verify.digest import digest
from verify.ledger import Event
from verify.need import Need
from verify.project import Project, TableColumn
from verify.report import Entry, Failing, Report
from verify.state import State
from verify.verdict import OffBy
from verify.wording import (
    SCOPES,
    explanation_words,
    measured_words,
    number,
    off_by_words,
    unprinted_words,
)


@dataclass(frozen=True)
class Fact:
    """A number as a page shows it."""

    text: str
    value: str = ""
    """The same for programs, unrounded; empty where the text holds all of it."""


Table = tuple[str, str]
"""Document and printed name of a table."""


_LONGEST = 60
"""Characters of a table's printed name that a file name may have."""


def table_slug(source: str, table: str) -> str:
    """Name a printed table in addresses and file names; "A.1" and "A-1" are two tables."""
    slug = "".join(c if c.isalnum() and c.isascii() else f"-{ord(c):x}-" for c in table.lower())
    if len(slug) > _LONGEST:
        slug = f"{slug[:_LONGEST]}-{digest(table)[:12]}"
    return f"{source}-table-{slug}"


class Facts:
    """All claims, judged, and the ledgers, to be asked for single numbers.

    A subject is the id of a claim; ``all``, ``source:NAME`` or ``table:SLUG`` for counts of
    claims, of ``all`` also the false verdicts to expect; ``finding:KIND``; ``machine:NAME`` or
    ``run:SHA256`` for counts of a ledger; ``beside:KEY`` for a measurement that no claim rests
    on, by its ``Need.key``.
    """

    def __init__(self, project: Project, state: State, report: Report) -> None:
        self.project = project
        self.state = state
        self.report = report
        self.entries = {entry.claim.id: entry for entry in report.entries}
        self._counts: dict[str, dict[str, int]] = {}

    def find(self, subject: str, field: str) -> Fact | None:
        """Give a number; None if there is none of this name."""
        entry = self.entries.get(subject)
        if entry is not None:
            name, _, more = field.partition(":")
            fact = _FIELDS.get(name)
            return None if fact is None else fact(self, entry, more)
        if subject.startswith("beside:"):
            return self._unprinted(subject.partition(":")[2]) if field == "measured" else None
        if (subject, field) == ("all", "false_verdicts"):
            return Fact(f"{self.report.false_verdicts_to_expect():g}")
        counted = self.counts(subject).get(field)
        return None if counted is None else Fact(str(counted))

    def _unprinted(self, key: str) -> Fact | None:
        """Give what was measured beside a printed column."""
        need, stored = self._beside.get(key), self.report.stored.get(key)
        return None if need is None or stored is None else Fact(unprinted_words(stored, need.spec))

    @cached_property
    def _beside(self) -> Mapping[str, Need]:
        """What is measured beside printed columns, by its key."""
        every = self.project.beside.values()
        return {need.key: need for needs in every for need in needs}

    def counts(self, subject: str) -> Mapping[str, int]:
        """Count claims or events; nothing for a subject that is not known."""
        if subject not in self._counts:
            self._counts[subject] = self._counted(subject)
        return self._counts[subject]

    def _counted(self, subject: str) -> dict[str, int]:
        kind, _, name = subject.partition(":")
        match kind:
            case "all":
                return _decided(self.report.entries)
            case "source" if name in self.of_source:
                return _decided(self.of_source[name])
            case "table" if name in self.of_table:
                return _decided(self.of_table[name])
            case "finding":
                found = sum(one.kind == name for one in self.report.findings)
                also = len(self.failing.unfit) if name == "contradiction" else 0
                return {"findings": found + also}
            case "machine":
                kinds = [event.type for event in self.state.ledgers.get(name, [])]
                counted = {"measured": kinds.count("measured"), "judged": kinds.count("judged")}
                return {"events": len(kinds), **counted}
            case "run" if name in self.places:
                body = self.places[name][1].body
                return {key: body[key] for key in ("measured", "changed", "errors") if key in body}
        return {}

    @cached_property
    def failing(self) -> Failing:
        """What does not hold, told apart."""
        return Failing.among(self.report.entries)

    @cached_property
    def of_source(self) -> Mapping[str, list[Entry]]:
        """The claims of every document, by its name."""
        found: dict[str, list[Entry]] = {source: [] for source in self.project.index.sources}
        for entry in self.report.entries:
            found[entry.claim.source].append(entry)
        return found

    @cached_property
    def columns(self) -> Mapping[Table, list[TableColumn]]:
        """The columns of every table, in printed order."""
        found: dict[Table, list[TableColumn]] = {}
        for column in self.project.tables:
            found.setdefault((column.source, column.table), []).append(column)
        return found

    @cached_property
    def of_table(self) -> Mapping[str, list[Entry]]:
        """The claims of every table by its slug, each once, however often the cell is restated."""
        return {
            table_slug(source, table): [
                self.entries[id_]
                for id_ in dict.fromkeys(row.claim for column in columns for row in column.rows)
            ]
            for (source, table), columns in self.columns.items()
        }

    @cached_property
    def places(self) -> Mapping[str, tuple[str, Event]]:
        """Machine and event by the event's hash."""
        return {
            event.sha256: (machine, event)
            for machine, events in self.state.ledgers.items()
            for event in events
        }

    @cached_property
    def judged(self) -> Mapping[str, list[Event]]:
        """What the ledgers say of every claim, oldest first."""
        found: dict[str, list[Event]] = {}
        for event in self.state.events("judged"):
            found.setdefault(event.body["claim"], []).append(event)
        return found

    @cached_property
    def measured(self) -> Mapping[str, list[Event]]:
        """The events of every measurement, by its key, oldest first."""
        found: dict[str, list[Event]] = {}
        for event in self.state.events("measured"):
            found.setdefault(event.body["key"], []).append(event)
        return found

    def machines_of(self, entry: Entry) -> list[str]:
        """Name the machines whose measurements decided."""
        places = (self.places.get(sha256) for sha256 in entry.verdict.evidence)
        return sorted({place[0] for place in places if place is not None})


def _decided(entries: Iterable[Entry]) -> dict[str, int]:
    given = tuple(entries)
    report = Report(None, given, ())
    counts = report.counts()
    decided = counts["pass"] + counts["fail"]
    made = {**counts, "decided": decided, "undecided": counts["claims"] - decided}
    for scope in SCOPES:
        numbers = report.by_scope().get(scope, (0, 0, 0))
        named = zip(("pass", "fail", "undecided"), numbers, strict=True)
        made |= {f"{scope}_{name}": number for name, number in named}
    return made


def _printed(_: Facts, entry: Entry, __: str) -> Fact | None:
    return None if entry.printed is None else Fact(entry.printed)


def _measured(_: Facts, entry: Entry, __: str) -> Fact | None:
    found = entry.verdict.measured
    if found is None:
        return _structure(entry)
    return Fact(measured_words(entry), repr(found.value))


def _structure(entry: Entry) -> Fact | None:
    return None if entry.fact is None else Fact(measured_words(entry))


def _point(_: Facts, entry: Entry, __: str) -> Fact | None:
    """Give the measured value alone, without its interval."""
    found = entry.verdict.measured
    if found is None:
        return _structure(entry)
    return Fact(number(entry, found.value), repr(found.value))


def _off_by(_: Facts, entry: Entry, __: str) -> Fact | None:
    return _off(entry.off_by)


def _off(found: OffBy | None) -> Fact | None:
    if found is None:
        return None
    relative = "" if found.relative is None else repr(found.relative)
    return Fact(off_by_words(found), relative)


def _relative(_: Facts, entry: Entry, __: str) -> Fact | None:
    return _share(entry.off_by)


def _share(found: OffBy | None) -> Fact | None:
    if found is None or found.relative is None:
        return None
    return Fact(f"{100 * found.relative:+.2f} %".replace("-", "\u2212"), repr(found.relative))


def _by_default(_: Facts, entry: Entry, which: str) -> Fact | None:
    """Give what the default convention gives, where another one decides."""
    found = entry.by_default
    if found is None:
        return None
    match which:
        case "measured":
            return Fact(number(entry, found.measured.value), repr(found.measured.value))
        case "off_by":
            return _off(found.off_by)
        case "relative":
            return _share(found.off_by)
    return None


def _region(_: Facts, entry: Entry, which: str) -> Fact | None:
    region = entry.verdict.region
    end = None if region is None or which not in _ENDS else region[_ENDS[which]]
    return None if end is None else Fact(number(entry, end), repr(end))


_ENDS = {"low": 0, "high": 1}


def _key(_: Facts, entry: Entry, name: str) -> Fact | None:
    found = entry.verdict.by_key.get(name)
    return None if found is None else Fact(number(entry, found.value), repr(found.value))


def _explanation(_: Facts, entry: Entry, which: str) -> Fact | None:
    place = int(which) if which.isdecimal() else -1
    if not 0 <= place < len(entry.verdict.explained_by):
        return None
    found = entry.verdict.explained_by[place]
    return Fact(explanation_words(entry, found), repr(found.value))


def _part(_: Facts, entry: Entry, which: str) -> Fact | None:
    place = int(which) if which.isdecimal() else -1
    parts = entry.verdict.parts
    return Fact(parts[place].numbers) if 0 <= place < len(parts) else None


def _once(facts: Facts, entry: Entry, sha256: str) -> Fact | None:
    """Give what an earlier event said was measured."""
    place = facts.places.get(sha256)
    if place is None:
        return None
    found = _recorded(entry, place[1])
    return None if found is None else Fact(number(entry, found), repr(found))


def _recorded(entry: Entry, event: Event) -> float | None:
    """Read the number off an event: a verdict on this claim, or a measurement it needs."""
    body = event.body
    if body.get("claim") == entry.claim.id:
        shown = body["verdict"]["measured"]
        return None if shown is None else float(shown["value"])
    measured = body.get("measurement")
    if measured is None or body["key"] not in {need.key for need in entry.needs}:
        return None
    key = (entry.verdict.convention or "").partition(",")[0]
    quantity = measured["values"].get(key) if len(entry.needs) == 1 else None
    return None if quantity is None else float(quantity["value"])


_FIELDS: Mapping[str, Callable[[Facts, Entry, str], Fact | None]] = {
    "printed": _printed,
    "measured": _measured,
    "point": _point,
    "off_by": _off_by,
    "relative": _relative,
    "default": _by_default,
    "region": _region,
    "key": _key,
    "explained": _explanation,
    "part": _part,
    "history": _once,
}
