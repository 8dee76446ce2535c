"""What has to be measured, and what cannot be: pure, before anything runs."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from verify.convention import siblings
from verify.load import needs_of
from verify.need import WANTS_CUDA, Need
from verify.project import Project
from verify.stored import Stored
from verify.verdict import Verdict

_FETCH = re.compile(r"`verify fetch ([^\s`]+)")
"""How an obstacle names what would take it away."""
_MISSES = frozenset({"fail", "inconclusive"})


@dataclass(frozen=True)
class Machine:
    """Where a plan would run."""

    name: str
    """Its folder under ``results/``."""
    has_gpu: bool
    has_fetched: Callable[[str], bool] = field(default=lambda _: False, compare=False)
    """Whether weights or data are there by now, by the name that an obstacle gives them."""


@dataclass(frozen=True)
class Job:
    """One measurement to take, and the claims that share it."""

    need: Need
    claims: tuple[str, ...]
    because: str
    """Why it is taken: missing, stale, an error before, or asked for afresh."""
    estimate_s: float


@dataclass(frozen=True)
class Plan:
    """The measurements to take, in order, and the claims no measurement can settle yet."""

    jobs: tuple[Job, ...]
    blocked: Mapping[str, str]
    """Claim id to what is missing."""

    def without(self, keys: Collection[str]) -> "Plan":
        """Leave out the measurements with these ``Need.key``."""
        return replace(self, jobs=tuple(job for job in self.jobs if job.need.key not in keys))

    def among(self, keys: Collection[str]) -> "Plan":
        """Leave out the measurements with any other ``Need.key``."""
        return replace(self, jobs=tuple(job for job in self.jobs if job.need.key in keys))

    @property
    def estimate_s(self) -> float:
        """Seconds the jobs are expected to take, one after the other."""
        return sum(job.estimate_s for job in self.jobs)

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        jobs = [
            {
                "reproduction": job.need.reproduction,
                "params": job.need.params.model_dump(mode="json"),
                "claims": list(job.claims),
                "because": job.because,
                "estimate_s": job.estimate_s,
            }
            for job in self.jobs
        ]
        return {"jobs": jobs, "estimate_s": self.estimate_s, "blocked": dict(self.blocked)}


def make_plan(
    project: Project,
    stored: Mapping[str, Stored],
    ids: Sequence[str],
    *,
    fresh: bool | Collection[str] = False,
    machine: Machine | None = None,
    unexplained: Collection[str] = (),
) -> Plan:
    """Plan the measurements for some claims, and for the sibling rows that are their evidence.

    Args:
        project: The claims, checked.
        stored: Outcomes so far, by ``Need.key``.
        ids: The claims asked for.
        fresh: Measure again what is already current: all of it, or what has these ``Need.key``,
            having stopped early.
        machine: Where it would run: what was only blocked on another one, or by something that
            was fetched since, is tried again; what wants a GPU is left out where there is none.
            None leaves all open.
        unexplained: Claims whose print ``wants_more``; what may explain it is measured too.
    """
    ids = with_siblings(project, ids)
    jobs = []
    has_gpu = machine is None or machine.has_gpu
    blocked = {id_: absent for id_ in ids if (absent := _absent(project.needs[id_], has_gpu))}
    tried = {
        need.key: need
        for id_ in ids
        if id_ in unexplained
        for need in project.tried_needs(project.claims[id_])
    }
    needs = {need.key: need for need in needs_of(project, ids)} | tried
    for need in needs.values():
        because = _because(stored.get(need.key), fresh=fresh is True, machine=machine)
        if because is None and not isinstance(fresh, bool) and need.key in fresh:
            because = "it stopped early"
        if because is None or need.absent() is not None or not (has_gpu or need.runs_on_cpu):
            continue
        sharing = tuple(id_ for id_ in ids if any(n.key == need.key for n in project.needs[id_]))
        jobs.append(Job(need, sharing, because, _estimate(need, stored, machine)))
    waiting = _waiting(project, stored, ids, {job.need.key for job in jobs})
    return Plan(tuple(sorted(jobs, key=_turn)), {**waiting, **blocked})


def _waiting(
    project: Project, stored: Mapping[str, Stored], ids: Iterable[str], planned: Collection[str]
) -> dict[str, str]:
    """Say what claims still wait for whose measurement met an obstacle and is not tried again."""
    return {
        id_: stored[need.key].reason
        for id_ in ids
        for need in project.needs[id_]
        if need.key not in planned and need.key in stored and stored[need.key].outcome == "blocked"
    }


def _turn(job: Job) -> tuple[bool | int, ...]:
    """Give a place in the order of work; equal ones stay in claim order.

    A GPU is often lent for an hour: what wants one comes first, and of that what claims rest on
    before what is shown beside them, speeds before memory, small batches before large ones.
    """
    params = job.need.params
    if not params.wants_cuda():
        return (1,)
    batch: int = getattr(params, "batch", 0)
    return (0, not job.claims, job.need.spec.processes == 1, batch)


def together(jobs: Iterable[Job]) -> list[list[Job]]:
    """Group the jobs that run in the same fresh processes, or side by side; others stand alone."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        spec = job.need.spec
        alone = "beside" if spec.beside else job.need.key
        groups.setdefault(job.need.column if spec.processes > 1 else alone, []).append(job)
    return list(groups.values())


def wants_more(verdict: Verdict) -> bool:
    """Tell whether a print misses from above, which ``Spec.tried`` may explain."""
    off_by = verdict.off_by
    return verdict.verdict in _MISSES and off_by is not None and (off_by.relative or 0) < 0


def with_siblings(project: Project, ids: Iterable[str]) -> list[str]:
    """Add the rows that are convention evidence for the claims asked for, in claim order."""
    wanted = set(ids)
    for id_ in list(wanted):
        claim = project.claims[id_]
        if claim.convention == "unstated" and claim.reproduction is not None:
            for need in project.needs[id_]:
                wanted.update(siblings(project, claim, need))
    return [id_ for id_ in project.claims if id_ in wanted]


def _because(stored: Stored | None, *, fresh: bool, machine: Machine | None) -> str | None:
    if stored is None:
        return "missing"
    if stored.outcome == "blocked" and machine is not None:
        if machine.name != stored.machine:
            return f"blocked on {stored.machine}"
        wanted = _FETCH.search(stored.reason)
        if wanted is not None and machine.has_fetched(wanted[1]):
            return f"{wanted[1]} was fetched since"
    if stored.outcome == "error":
        return "an error before"
    if stored.stale:
        return "stale"
    return "asked for afresh" if fresh else None


def _absent(needs: Iterable[Need], has_gpu: bool) -> str | None:
    """Say what is still to be written, or what this machine lacks, if anything."""
    missing = [
        absent or WANTS_CUDA
        for need in needs
        if (absent := need.absent()) is not None or not (has_gpu or need.runs_on_cpu)
    ]
    return "; ".join(dict.fromkeys(missing)) or None


def _estimate(need: Need, stored: Mapping[str, Stored], machine: Machine | None) -> float:
    """Take the last duration of this measurement; else what its spec says it costs.

    Where weights or data are missing, it takes no time to say so.
    """
    if machine is not None and not all(map(machine.has_fetched, need.params.artifacts())):
        return 0.0
    before = stored.get(need.key)
    if before is not None and before.outcome == "ok":
        return before.duration_s
    known = [s.duration_s for s in stored.values() if s.outcome == "ok"]
    return max(need.spec.cost_s, median(known)) if known else need.spec.cost_s
