"""Measure what is missing, judge everything, record both: the only writer of measurements."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Protocol

from reproductions.telemetry import nothing_watched, telemetry_of
from verify.beside import measured_beside
from verify.child import Outcome, Worker
from verify.digest import digest
from verify.early import asker, unfinished
from verify.environment import has_gpu, machine_slug
from verify.fetch import has_fetched
from verify.judge import judge
from verify.ledger import Event
from verify.plan import Job, Machine, Plan, make_plan, together, wants_more
from verify.project import Project
from verify.recorder import Ran, Recorder
from verify.state import State, state_of, unrecorded
from verify.stored import Stored
from verify.sweep import sweep
from verify.verdict import Verdict


class Observer(Protocol):
    """Told of progress; the console implements it."""

    def planned(self, plan: Plan) -> None:
        """Hear what is about to be measured."""

    def started(self, job: Job) -> None:
        """Hear that a measurement begins."""

    def finished(self, job: Job, outcome: Mapping[str, Any]) -> None:
        """Hear how a measurement ended."""


def run(
    project: Project, ids: Sequence[str], *, fresh: bool, observer: Observer, full: bool = False
) -> Ran:
    """Measure what some claims need, judge all claims, record what is new.

    Nothing stale and no verdict changed: nothing is written. Each measurement is on disk
    before the next begins, so a run that dies loses only the one in progress.

    Args:
        project: The claims, checked.
        ids: The claims.
        fresh: Measure again what is current.
        observer: Told of progress.
        full: Take measurements to their end that could stop once every claim is decided.

    Raises:
        VerifyError: the results folder cannot be written.
        LedgerDamagedError: a chain does not hold.
    """
    state = state_of(project)
    verdicts = judge(project, state.stored)
    plan = plan_for(project, state, verdicts, ids, fresh=fresh, full=full)
    ran, is_torn = Ran(state), machine_slug() in state.torn
    if not (plan.jobs or is_torn or changed_verdicts(state, verdicts)):
        return ran
    recorder = Recorder(project, state, full=full)
    if plan.jobs or is_torn:
        recorder.start(plan.jobs, fresh=fresh)
    taken: set[str] = set()
    with _workers(project) as worker_on:
        try:
            while plan.jobs:
                observer.planned(plan)
                for jobs in together(plan.jobs):
                    worker = worker_on(_device_of(jobs[0]))
                    if jobs[0].need.spec.processes > 1:
                        _measure_together(jobs, recorder, worker, ran, observer)
                    elif jobs[0].need.spec.beside:
                        _measure_beside(jobs, recorder, worker, ran, observer)
                    else:
                        _measure(jobs[0], recorder, worker, ran, observer)
                taken.update(job.need.key for job in plan.jobs)
                # Only now is it known which claims miss and want an explanation.
                state = state_of(project)
                verdicts = judge(project, state.stored)
                plan = plan_for(project, state, verdicts, ids, fresh=False, full=full)
                plan = plan.without(taken)
                # What code has made stale meanwhile waits: these processes run the code of before.
                plan = plan.among(recorder.digests)
        except KeyboardInterrupt:
            ran.interrupted = True
    record_verdicts(project, recorder, ran)
    recorder.finish(ran)
    ran.state = state_of(project)
    return ran


def plan_for(
    project: Project,
    state: State,
    verdicts: Mapping[str, Verdict],
    ids: Sequence[str],
    *,
    fresh: bool,
    full: bool = False,
) -> Plan:
    """Plan what a run on this machine would measure, explanations of misses included."""
    missing = [id_ for id_ in ids if wants_more(verdicts[id_])]
    return make_plan(
        project,
        state.stored,
        ids,
        fresh=fresh or unfinished(project, state.stored, full=full),
        machine=Machine(machine_slug(), has_gpu(), cache(has_fetched)),
        unexplained=missing,
    )


@dataclass(frozen=True)
class Differences:
    """What a run would change, found without writing anything."""

    verdicts: tuple[str, ...]
    """Claims whose verdict would differ from the last one recorded."""
    values: tuple[str, ...]
    """Measurements that would differ from the recorded ones, by name."""
    errors: tuple[str, ...]
    """Measurements that could not be taken again."""


def compare(
    project: Project, ids: Sequence[str], *, fresh: bool, observer: Observer
) -> Differences:
    """Measure what a run would measure and compare it with the ledgers; write nothing."""
    state = state_of(project)
    plan = plan_for(project, state, judge(project, state.stored), ids, fresh=fresh)
    observer.planned(plan)
    stored, values, errors = dict(state.stored), [], []
    with _workers(project) as worker_on:
        for job, outcome in _measured_again(project, plan, worker_on, stored, observer):
            observer.finished(job, outcome.body)
            now = unrecorded(outcome.body)
            before = stored.get(job.need.key)
            if now.outcome == "error":
                errors.append(f"{job.need}: {now.reason}")
            elif before is None or before.differs_from(now):
                values.append(str(job.need))
            stored[job.need.key] = now
    changed = changed_verdicts(state, judge(project, stored))
    return Differences(tuple(changed), tuple(values), tuple(errors))


def _measured_again(
    project: Project,
    plan: Plan,
    worker_on: Callable[[str], Worker],
    stored: Mapping[str, Stored],
    observer: Observer,
) -> Iterator[tuple[Job, Outcome]]:
    for jobs in together(plan.jobs):
        first = jobs[0]
        if first.need.spec.processes > 1:
            continue  # no timing comes out twice the same
        worker = worker_on(_device_of(first))
        if first.need.spec.beside:
            yield from measured_beside(jobs, worker, observer.started)
        else:
            observer.started(first)
            is_enough = asker(project, partial(dict, stored), first.need)
            yield first, worker.measure(first.need, is_enough)


def rejudge(project: Project, *, write: bool) -> list[str]:
    """Judge everything again from stored measurements.

    Args:
        project: The claims, checked.
        write: Record verdicts that differ from the last recorded ones.

    Returns:
        The claims whose verdict differs.
    """
    state = state_of(project)
    ran = Ran(state)
    if not write:
        return list(changed_verdicts(state, judge(project, state.stored)))
    recorder = Recorder(project, state)
    record_verdicts(project, recorder, ran)
    recorder.finish(ran)
    return ran.changed


def changed_verdicts(state: State, verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Select the verdicts that differ from the last one recorded for their claim.

    Which measurement event they rest on, and how the detail is worded, is no difference.
    """
    last: dict[str, Event] = {event.body["claim"]: event for event in state.events("judged")}
    return {
        id_: verdict
        for id_, verdict in verdicts.items()
        if id_ not in last or _essence(last[id_].body["verdict"]) != _essence(verdict.as_json())
    }


def record_verdicts(project: Project, recorder: Recorder, ran: Ran) -> None:
    """Write a ``judged`` event for every verdict that differs from the last one recorded."""
    if recorder.started is None:
        if not changed_now(project):
            return
        recorder.start((), fresh=False)
    with recorder.turn("judging"):
        for id_, verdict in changed_now(project).items():
            recorder.judged(id_, verdict)
            ran.changed.append(id_)


def changed_now(project: Project) -> dict[str, Verdict]:
    """Judge everything from the ledgers as they stand; select what is not recorded so."""
    state = state_of(project)
    return changed_verdicts(state, judge(project, state.stored))


def _essence(verdict: Mapping[str, Any]) -> str:
    dropped = {"evidence", "detail", "stale", "parts"}
    parts = [[part["what"], part["verdict"]] for part in verdict.get("parts", ())]
    kept = {key: value for key, value in verdict.items() if key not in dropped}
    return digest({**kept, "parts": parts} if parts else kept)


def _measure(job: Job, recorder: Recorder, worker: Worker, ran: Ran, observer: Observer) -> None:
    with recorder.turn("measuring"):
        if recorder.measured_meanwhile(job):
            return
        observer.started(job)
        outcome = worker.measure(job.need, recorder.asker(job))
        recorder.measured(job, outcome)
    _count(job, outcome, ran, observer)


def _measure_beside(
    jobs: Sequence[Job], recorder: Recorder, worker: Worker, ran: Ran, observer: Observer
) -> None:
    """Measure what reads no clock, two at a time."""
    with recorder.turn("measuring"):
        jobs = [job for job in jobs if not recorder.measured_meanwhile(job)]
        for job, outcome in measured_beside(jobs, worker, observer.started):
            recorder.measured(job, outcome)
            _count(job, outcome, ran, observer)


def _measure_together(
    jobs: Sequence[Job], recorder: Recorder, worker: Worker, ran: Ran, observer: Observer
) -> None:
    """Measure the speed of several models in the same fresh processes."""
    with recorder.turn("measuring"):
        jobs = [job for job in jobs if not recorder.measured_meanwhile(job)]
        if not jobs:
            return
        by_key = {job.need.key: job for job in jobs}
        started = time.monotonic()
        is_gpu = jobs[0].need.params.wants_cuda()
        outcomes = sweep(
            [job.need for job in jobs],
            worker,
            telemetry_of() if is_gpu else nothing_watched(),
            digest([recorder.run, *by_key]),
            lambda need: observer.started(by_key[need.key]),
        )
        each_s = round((time.monotonic() - started) / len(jobs), 3)
        for key, outcome in outcomes.items():
            outcome.body.setdefault("duration_s", each_s)
            recorder.measured(by_key[key], outcome)
    for key, outcome in outcomes.items():
        _count(by_key[key], outcome, ran, observer)


def _count(job: Job, outcome: Outcome, ran: Ran, observer: Observer) -> None:
    ran.measured += 1
    ran.errors += outcome.body["outcome"] == "error"
    observer.finished(job, outcome.body)


def _device_of(job: Job) -> str:
    return "cpu" if job.need.runs_on_cpu else "cuda"


@contextmanager
def _workers(project: Project) -> Iterator[Any]:
    """Give one worker per device, started when first asked for, ended with the block."""
    workers: dict[str, Worker] = {}
    modules = project.index.reproductions

    def worker_on(device: str) -> Worker:
        if device not in workers:
            paths = [project.root] if modules else []
            workers[device] = Worker(device, modules, paths, project.artifacts)
        return workers[device]

    try:
        yield worker_on
    finally:
        for worker in workers.values():
            worker.close()
