"""What this machine can settle now, and what would unblock the rest. Measures nothing."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reproductions.artifact_cache import Cache, cache_folder
from reproductions.errors import ReproductionError
from verify.early import unfinished
from verify.environment import (
    PACKAGES,
    environment,
    has_gpu,
    machine_slug,
    package_version,
)
from verify.fetch import has_fetched
from verify.plan import Machine, make_plan, wants_more
from verify.project import Project
from verify.report import Entry, Report, report_on
from verify.state import Codes, State, outdated
from verify.stored import Stored

_RUN = "verify all"
_GIB = 2**30
_MISSING = re.compile(r"\bno (?P<kind>\w+) named (?P<names>[^()]+?) yet\b")
_WANTED = re.compile(r"\bwants? (?P<what>.+?)(?=, found\b|;|$)")
_EACH_WANT = re.compile(r"; (?=wants )")
"""Between the things of an obstacle that wants several."""
_COMMAND = re.compile(r"`([^`]+)`")
_INPUTS = {
    "weights": re.compile(r"\b(weights|checkpoints?)\b", re.IGNORECASE),
    "data": re.compile(r"\b(data ?sets?|ImageNet|COCO)\b", re.IGNORECASE),
    "device": re.compile(r"\b(CUDA|GPU|device)\b"),
}
"""What a reproduction may ask for, told by its words; the first that fits counts."""
_UNTIL_THEN = frozenset({"family_incomplete"})
"""Reasons that more measurements take away; the others leave a claim undecided for good."""


@dataclass(frozen=True)
class Obstacle:
    """One thing that stands between claims and a current verdict."""

    kind: str
    """``model``, ``reproduction``, ``weights``, ``data``, ``device``; ``not_measured``, ``stale``,
    ``error``; ``undecided`` and ``not_checkable`` for good; else the reason of the verdict."""
    what: str
    claims: tuple[str, ...]
    command: str
    """What to run: once the thing is there, at once, or to see why it stays as it is."""


@dataclass(frozen=True)
class Package:
    """An installed package, and the versions the current measurements were made with."""

    name: str
    installed: str | None
    measured_with: tuple[str | None, ...]
    supplies_models: bool
    """Whether a measurement is stale under another version."""

    @property
    def same(self) -> bool | None:
        """Whether the ledger was measured with what is installed; None if nothing was."""
        return self.measured_with == (self.installed,) if self.measured_with else None


@dataclass(frozen=True)
class Diagnosis:
    """What ``verify doctor`` says."""

    machine: Mapping[str, Any]
    counts: Mapping[str, int]
    obstacles: tuple[Obstacle, ...]
    """Biggest first."""
    estimate_s: float
    """Seconds ``verify all`` would measure now."""

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        return {**asdict(self), "machine": dict(self.machine), "counts": dict(self.counts)}


def diagnose(project: Project, state: State) -> Diagnosis:
    """Find what is decided, what a run here would measure and what stands in the way.

    Args:
        project: The claims, checked.
        state: Its ledgers, read.
    """
    report = report_on(project, state)
    plan = make_plan(
        project,
        state.stored,
        list(project.claims),
        fresh=unfinished(project, state.stored, full=False),
        machine=Machine(machine_slug(), has_gpu(), cache(has_fetched)),
        unexplained=[e.claim.id for e in report.entries if wants_more(e.verdict)],
    )
    counts = report.counts()
    undecided = {e.claim.id for e in report.entries if e.verdict.verdict not in {"pass", "fail"}}
    served = {id_ for job in plan.jobs for id_ in job.claims}
    counts |= {
        "decided": counts["pass"] + counts["fail"],
        "to_measure": len(plan.jobs),
        "undecided_to_measure": len(served & undecided),
    }
    return Diagnosis(
        _machine(project, state), counts, obstacles_of(project, state, report), plan.estimate_s
    )


def obstacles_of(project: Project, state: State, report: Report) -> tuple[Obstacle, ...]:
    """Group the claims without a current verdict by what stands in the way, biggest first.

    A claim that waits for two things stands under both.
    """
    groups: dict[tuple[str, str, str], list[str]] = {}
    changes = _changes(project, state)
    stored = {outcome.event: outcome for outcome in state.stored.values()}
    for entry in report.entries:
        found = [*_in_the_way(entry, stored), *_staleness(entry, changes)]
        for place in dict.fromkeys(found):
            groups.setdefault(place, []).append(entry.claim.id)
    obstacles = [Obstacle(k, what, tuple(ids), run) for (k, what, run), ids in groups.items()]
    return tuple(sorted(obstacles, key=lambda obstacle: -len(obstacle.claims)))


def _in_the_way(entry: Entry, stored: Mapping[str, Stored]) -> Iterator[tuple[str, str, str]]:
    """Yield kind, thing and command for a claim that is not decided."""
    verdict = entry.verdict
    reason = verdict.reason.replace("_", " ")
    if verdict.verdict == "blocked":
        yield from _blocked(entry, stored)
    elif verdict.verdict == "error":
        yield "error", verdict.detail, _RUN
    elif verdict.reason in _UNTIL_THEN:
        yield "not_measured", f"sibling rows ({reason})", _RUN
    elif verdict.verdict not in {"pass", "fail"}:
        kind = "undecided" if verdict.verdict == "inconclusive" else verdict.verdict
        yield kind, reason, f"verify list --verdict {verdict.verdict}"


def _blocked(entry: Entry, stored: Mapping[str, Stored]) -> Iterator[tuple[str, str, str]]:
    verdict = entry.verdict
    if verdict.reason == "not_measured":
        yield "not_measured", "the measurement itself", _RUN
        return
    if verdict.reason in {"not_measurable", "no_device"}:
        elsewhere = any(
            stored[event].machine != machine_slug() for event in verdict.evidence if event in stored
        )
        for part in _EACH_WANT.split(verdict.detail):
            yield _input(part, elsewhere=elsewhere)
        return
    missing = _MISSING.search(verdict.detail)
    if missing is None:
        kind = "model" if verdict.reason == "no_model" else verdict.reason
        yield kind, verdict.detail, _RUN
        return
    names = missing["names"].split(", ")
    if missing["kind"] == "model":  # the sentence names what came first; all of it is needed
        names += [str(n.params.subject()) for n in entry.needs if n.params.absent() is not None]
    yield from ((missing["kind"], name, _RUN) for name in names)


def _input(detail: str, *, elsewhere: bool) -> tuple[str, str, str]:
    """Tell from a reproduction's own words what it could not do without."""
    wanted, command = _WANTED.search(detail), _COMMAND.search(detail)
    run = _RUN if elsewhere or command is None else command[1]
    if wanted is not None:
        for kind, words in _INPUTS.items():
            if words.search(wanted["what"]):
                return kind, wanted["what"], run
    return "not_measurable", detail, run


def _staleness(entry: Entry, changes: Mapping[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    if entry.verdict.stale:
        names = {name for event in entry.verdict.evidence for name in changes.get(event, ())}
        yield "stale", f"changed since: {', '.join(sorted(names))}", _RUN


def _changes(project: Project, state: State) -> dict[str, list[str]]:
    """Map the event of every stale measurement to what has changed since."""
    events = {event.sha256: event for event in state.events("measured")}
    needs = {n.key: n for claim in project.claims.values() for n in project.all_needs(claim)}
    codes = Codes()
    return {
        outcome.event: outdated(project, needs[key], events[outcome.event].digests, codes)
        for key, outcome in state.stored.items()
        if outcome.stale and key in needs
    }


# -- the machine ------------------------------------------------------------------------


def _machine(project: Project, state: State) -> dict[str, Any]:
    found = environment(project.root, PACKAGES)
    return {
        "name": machine_slug(),
        **{key: found[key] for key in ("os", "python", "cpu", "gpu", "commit", "dirty")},
        "packages": [{**asdict(p), "same": p.same} for p in _packages(state)],
        "ledgers": [
            {"machine": machine, "events": len(events), "torn": machine in state.torn}
            for machine, events in state.ledgers.items()
        ],
        "artifacts": _fetched(),
        "results": _disk(project.results),
    }


def _fetched() -> int:
    """Count weights and data sets that are there."""
    try:
        return Cache(cache_folder()).fetched()
    except ReproductionError:  # a user without a home
        return 0


def _packages(state: State) -> Iterator[Package]:
    """Compare torch, timm and whatever else supplies models with what the ledger saw."""
    current = {outcome.event for outcome in state.stored.values() if outcome.outcome == "ok"}
    events = [event for event in state.events("measured") if event.sha256 in current]
    supplied = [event.digests.get("packages", {}) for event in events]
    seen = [event.environment.get("packages", {}) for event in events]
    suppliers = {name for versions in supplied for name in versions}
    for name in sorted({"torch", "timm"} | suppliers):
        yield Package(
            name,
            package_version(name),
            _versions(name, supplied if name in suppliers else seen),
            name in suppliers,
        )


def _versions(name: str, all_: Iterable[Mapping[str, str | None]]) -> tuple[str | None, ...]:
    return tuple(sorted({versions[name] for versions in all_ if name in versions}, key=str))


def _disk(results: Path) -> dict[str, Any]:
    """Try to write where the ledgers stand; the file has no name and leaves nothing."""
    folder = results if results.exists() else results.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return {"writable": False, "because": error.strerror, "free_gib": None}
    free = shutil.disk_usage(folder).free / _GIB
    return {"writable": True, "because": None, "free_gib": round(free, 1)}
