"""What all ledgers together know now: the latest outcome of every measurement, and its staleness.

Nothing here is stored: staleness is worked out at each reading, from digests kept apart,
so that one changed file or package version touches only what it can have changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from heapq import merge
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reproductions.artifact_cache import held
from reproductions.contract import Measurement
from verify.code_digest import Modules, code_digest
from verify.environment import package_version
from verify.errors import VerifyError
from verify.ledger import Event, combined_head, open_ledgers
from verify.need import Need
from verify.outcome import completeness
from verify.project import Project
from verify.stored import Stored


@dataclass(frozen=True)
class State:
    """The ledgers of a project, read."""

    ledgers: Mapping[str, list[Event]]
    """By machine."""
    stored: Mapping[str, Stored]
    """The current outcome by ``Need.key``."""
    torn: frozenset[str] = frozenset()
    """The machines whose ledger ends in a line that a crash cut short."""

    @property
    def head(self) -> str | None:
        """The hash every published page prints; None if nothing is recorded."""
        return combined_head(self.ledgers)

    def events(self, kind: str) -> Iterable[Event]:
        """Yield all events of one kind, oldest first; a ledger's own order beats its clock."""
        found = ([e for e in events if e.type == kind] for events in self.ledgers.values())
        return merge(*found, key=lambda event: event.time)

    def vain_since(self, needs: Iterable[Need]) -> list[Event]:
        """List the latest attempts that brought nothing, where an older outcome still counts."""
        keys = {need.key for need in needs}
        latest = {e.about: e for e in self.events("measured") if e.about in keys}
        return [
            event
            for key, event in latest.items()
            if event.body["outcome"] != "ok" and event.sha256 != self.stored[str(key)].event
        ]


def state_of(project: Project) -> State:
    """Read every ledger of a project.

    Raises:
        LedgerDamagedError: a chain does not hold.
    """
    opened = open_ledgers(project.results)
    ledgers = {machine: ledger.events() for machine, ledger in opened.items()}
    needed: dict[str, Need] = {}
    for claim in project.claims.values():
        for need in (*project.all_needs(claim), *project.tried_needs(claim)):
            needed.setdefault(need.key, need)
    codes = Codes()
    stored = {
        key: _current(candidates, current_digests(project, needed[key], codes)).read()
        for key, candidates in _candidates(ledgers, needed).items()
    }
    torn = frozenset(machine for machine, ledger in opened.items() if ledger.torn)
    return State(ledgers, stored, torn)


def _candidates(
    ledgers: Mapping[str, list[Event]], needed: Mapping[str, Need]
) -> dict[str, list[tuple[str, Event]]]:
    """List machine and event of every outcome of a measurement that is needed, oldest first."""
    found: dict[str, list[tuple[str, Event]]] = {}
    for machine, events in ledgers.items():
        for event in events:
            key = event.about
            if key is not None and key in needed and event.type == "measured":
                found.setdefault(key, []).append((machine, event))
    return found


def _current(candidates: Sequence[tuple[str, Event]], now: Mapping[str, Any]) -> "_Latest":
    """Choose the outcome that counts, of one measurement whose digests are ``now``."""
    found: list[_Latest] = []
    for machine, event in reversed(candidates):
        # What cannot beat something later, whatever is in it, nobody needs to look into.
        if all(one.rank < (True, event.outcome == "ok", True) for one in found):
            found.append(_Latest(event, machine, bool(_differing(now, event.digests))))
    return max(found, key=lambda one: one.rank)  # of equals the first, which is the latest


@dataclass(frozen=True)
class Codes:
    """What was read of the code, for the length of one reading."""

    digests: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Code digests by the modules they start from."""
    modules: dict[frozenset[str], Modules] = field(default_factory=dict)
    """Modules by the packages that count."""
    artifacts: dict[str, str | None] = field(default_factory=dict)
    """What is held of weights and data sets, by name."""

    def fetched(self, names: Sequence[str]) -> dict[str, str]:
        """Say which files are held of some artifacts; one that is not here is not compared."""
        for name in names:
            if name not in self.artifacts:
                self.artifacts[name] = held(name)
        found = ((name, self.artifacts[name]) for name in names)
        return {name: sha256 for name, sha256 in found if sha256 is not None}


def current_digests(project: Project, need: Need, codes: Codes | None = None) -> dict[str, Any]:
    """Digest everything a measurement depends on besides its params, kept apart.

    Args:
        project: The claims, checked.
        need: The measurement.
        codes: Digests of this reading, to be used and added to.
    """
    modules = (need.spec.module, *need.params.modules())
    codes = codes or Codes()
    if modules not in codes.digests:
        roots = package_roots((*modules, "reproductions", "vig_models"))
        known = codes.modules.setdefault(frozenset(roots), Modules())
        codes.digests[modules] = code_digest(modules, roots, known)
    return {
        "code": codes.digests[modules],
        "packages": {name: package_version(name) for name in need.params.packages()},
        "protocol": need.spec.protocol,
        **codes.fetched(need.params.artifacts()),
    }


def outdated(
    project: Project, need: Need, digests: Mapping[str, Any], codes: Codes | None = None
) -> list[str]:
    """Name what has changed since a measurement was taken: code, packages or protocol."""
    return _differing(current_digests(project, need, codes), digests)


def _differing(now: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
    return [name for name, value in now.items() if not _same(name, value, then.get(name))]


def _same(name: str, now: Any, then: Any) -> bool:
    """Compare one digest; of packages those that are here, as without one nothing is measured."""
    if name == "packages" and isinstance(then, Mapping):
        return all(then.get(package) == now[package] for package in now if now[package] is not None)
    return bool(now == then)


def unrecorded(body: Mapping[str, Any]) -> Stored:
    """Read a worker's answer as if it stood in a ledger."""
    measurement = body.get("measurement")
    return Stored(
        outcome=body["outcome"],
        measurement=Measurement.model_validate(measurement) if measurement else None,
        reason=body.get("reason", ""),
        stale=False,
        event="",
        machine="",
        duration_s=body["duration_s"],
    )


@dataclass(frozen=True, slots=True)
class _Latest:
    """An event that may be the current outcome of its measurement."""

    event: Event
    machine: str
    stale: bool

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """What is current beats what is stale, then what succeeded, then what went to its end.

        Later events win ties.
        """
        return (not self.stale, *completeness(self.event.body))

    def read(self) -> Stored:
        known = unrecorded(self.event.body)
        return replace(known, stale=self.stale, event=self.event.sha256, machine=self.machine)


@cache
def package_roots(modules: tuple[str, ...]) -> dict[str, Path]:
    """Find the folder (or single file) of each module's top-level package.

    Raises:
        VerifyError: one cannot be found.
    """
    roots = {}
    for name in modules:
        top = name.partition(".")[0]
        found = find_spec(top)
        if found is None or found.origin is None:
            raise VerifyError(f"module {top!r}: want it importable, found none; install it")
        origin = Path(found.origin)
        roots[top] = origin.parent if origin.name == "__init__.py" else origin
    return roots
