"""What a claim's page shows besides the claim and its verdict: protocol, history, evidence."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from verify.expect import Operation, claims_in
from verify.ledger import Event
from verify.null_model import null_numbers, null_words
from verify.project import Project
from verify.publish.site.drawings import is_sound
from verify.publish.site.facts import Facts
from verify.report import Entry
from verify.verdict import PartVerdict, Word

_LINES_SHOWN = 4
"""Ledger lines shown whole; a comparison may rest on dozens, which are named by their hashes."""
_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=[A-Z][a-z]+: |\* )")


_BECAUSE = {"missing": "for the first time", "stale": "again: the last one was stale"}
"""Why something was measured, as plans put it, and as a history does."""


@dataclass(frozen=True)
class Tried:
    """One way of counting that the measurement has a number for."""

    name: str
    counts: str
    sound: bool
    chosen: bool


@dataclass(frozen=True)
class Past:
    """One line of a claim's history."""

    time: str
    what: str
    word: Word | None
    machine: str
    line: int
    sha256: str


@dataclass(frozen=True)
class Evidence:
    """A ledger event behind a verdict."""

    path: str
    line: int
    sha256: str
    time: str
    machine: str
    what: str
    built: tuple[tuple[str, str], ...]
    """Where it was measured and with what."""
    text: str
    """The line itself; empty where there are too many to show."""


def tried(entry: Entry) -> list[Tried]:
    """List the declared conventions that were counted, in declared order."""
    if len(entry.needs) != 1:
        return []
    chosen = (entry.verdict.convention or "").split(",")
    decided = entry.verdict.verdict in {"pass", "fail"}
    return [
        Tried(c.name, c.counts, is_sound(c, entry.verdict), decided and c.name in chosen)
        for c in entry.needs[0].spec.conventions
        if c.name in entry.verdict.by_key
    ]


def parts(entry: Entry) -> list[tuple[int, PartVerdict]]:
    """List the parts with their places, what fails first."""
    return sorted(enumerate(entry.verdict.parts), key=lambda part: part[1].verdict != "fail")


def null(project: Project, entry: Entry) -> tuple[str, Word, str] | None:
    """Tell what a claim's null model is, how it is judged and on which numbers."""
    if entry.null is None:
        return None
    return null_words(project, entry.claim.id), entry.null.verdict, null_numbers(entry.null)


def protocol(entry: Entry) -> Iterator[tuple[str, list[str], str]]:
    """Yield name, description and params of every distinct reproduction the claim needs."""
    needs = {need.reproduction: need for need in reversed(entry.needs)}
    for name, need in reversed(needs.items()):
        told = [] if need.planned is not None else _told(need.spec.module)
        same = sum(other.reproduction == name for other in entry.needs)
        params = json.dumps(need.params.model_dump(mode="json"))
        yield name, told, params if same == 1 else f"{same} measurements, the first {params}"


@cache
def _told(module: str) -> list[str]:
    """Read what a module says of its protocol, without importing it: that may load torch."""
    found = find_spec(module)
    if found is None or found.origin is None:
        return []
    try:
        tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return []
    text = ast.get_docstring(tree) or ""
    parts = [" ".join(part.split()).replace("``", "") for part in _PARAGRAPH.split(text)]
    return [f"• {part[2:]}" if part.startswith("* ") else part for part in parts]


def history(facts: Facts, entry: Entry) -> list[Past]:
    """List what the ledgers say of a claim and of its measurements, oldest first."""
    found = [*facts.judged.get(entry.claim.id, ())]
    for key in dict.fromkeys(need.key for need in entry.needs):
        found += facts.measured.get(key, ())
    places = [(event, facts.places[event.sha256][0]) for event in found]
    places.sort(key=lambda place: (place[0].time, place[0].seq))
    return [_past(event, machine) for event, machine in places]


def _past(event: Event, machine: str) -> Past:
    if event.type == "judged":
        verdict = event.body["verdict"]
        what, word = verdict["reason"].replace("_", " "), verdict["verdict"]
    else:
        outcome, because = event.body["outcome"], event.body.get("because", "")
        told = {"ok": "measured", "blocked": "could not be measured"}.get(outcome, outcome)
        named = f"{event.body['reproduction']}".replace("_", " ")
        what = f"{named} {told}" + (f" ({_BECAUSE.get(because, because)})" if because else "")
        word = None
    return Past(event.time, what, word, machine, event.seq + 1, event.sha256)


def evidence(facts: Facts, entry: Entry) -> list[Evidence]:
    """List the ledger events whose measurements decided."""
    places = [facts.places[sha] for sha in entry.verdict.evidence if sha in facts.places]
    whole = len(places) <= _LINES_SHOWN
    return [_evidence(machine, event, whole=whole) for machine, event in places]


def _evidence(machine: str, event: Event, *, whole: bool) -> Evidence:
    params = event.body["params"]
    subject = params.get("model") or ""
    named = f"{event.body['reproduction'].replace('_', ' ')} {subject}".strip()
    return Evidence(
        path=f"results/{machine}/ledger.jsonl",
        line=event.seq + 1,
        sha256=event.sha256,
        time=event.time,
        machine=machine,
        what=named,
        built=tuple(_built(event)),
        text=event.line.decode() if whole else "",
    )


def _built(event: Event) -> Iterator[tuple[str, str]]:
    """Say on what and with what an event was measured."""
    about = event.environment
    gpu = about.get("gpu") or {}
    yield "processor", str(about.get("cpu") or "unnamed")
    if gpu:
        yield "GPU", f"{gpu.get('name')}, driver {gpu.get('driver')}"
    worker: Mapping[str, Any] = about.get("worker") or {}
    if worker.get("device"):
        yield "device", str(worker["device"])
    versions = about.get("packages", {})
    told = [f"{name} {version}" for name, version in versions.items() if version]
    yield "software", ", ".join([f"Python {about.get('python')}", *told])
    commit = str(about.get("commit") or "none")[:12]
    yield "commit", f"{commit} (with changes)" if about.get("dirty") else commit
    yield "took", f"{event.body['duration_s']:.2f} s"


def compared(project: Project, entry: Entry) -> list[str]:
    """List the claims whose prints a claim is over."""
    expect = entry.claim.expect
    named = claims_in(expect) if isinstance(expect, Operation) else entry.claim.operands()
    ids = [given if isinstance(given, str) else getattr(given, "measured", "") for given in named]
    also = [entry.claim.twin_of] if entry.claim.twin_of is not None else []
    return [id_ for id_ in dict.fromkeys([*ids, *also]) if id_ in project.claims]
