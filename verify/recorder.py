"""What a run writes into the ledger, and how runs keep out of each other's way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from filelock import FileLock

from reproductions.contract import Measurement
from verify.child import Outcome
from verify.code_digest import code_digest
from verify.digest import digest
from verify.early import asker, stopped_early
from verify.environment import PACKAGES, environment, machine_slug
from verify.errors import VerifyError
from verify.ledger import Event, Ledger
from verify.plan import Job
from verify.project import Project
from verify.state import Codes, State, current_digests, package_roots, state_of
from verify.verdict import Verdict

_POLL_S = 0.02


@dataclass
class Ran:
    """What a run did."""

    state: State
    """What the ledgers held before it, and, once it is over, behind it."""
    measured: int = 0
    errors: int = 0
    changed: list[str] = field(default_factory=list)
    """Claims whose verdict differs from the last one recorded."""
    interrupted: bool = False


class Recorder:
    """Writes one run's events to this machine's ledger, opening the run before the first."""

    def __init__(self, project: Project, state: State, *, full: bool = False) -> None:
        self.project = project
        self.full = full
        machine = machine_slug()
        self.folder = project.results / machine
        self.ledger = Ledger(self.folder)
        self.known = len(state.ledgers.get(machine, ()))
        """Events that stood in the ledger when the run was planned."""
        self.environment = environment(project.root, PACKAGES)
        self.started: Event | None = None
        self.digests: dict[str, dict[str, Any]] = {}
        self.policy = code_digest(["verify.judge"], package_roots(("verify",)))

    @contextmanager
    def turn(self, what: str) -> Iterator[None]:
        """Keep other runs on this class of machine waiting: they would do the same again."""
        lock = FileLock(self.folder / f"{what}.lock", poll_interval=_POLL_S)
        try:
            lock.acquire()
        except OSError as error:
            raise VerifyError(
                f"{lock.lock_file}: want a lock, found {error.strerror}; nothing was lost; "
                "correct that and run again"
            ) from error
        try:
            yield
        finally:
            lock.release()

    @property
    def run(self) -> str:
        """Identify the run that was opened."""
        return self.started.sha256 if self.started is not None else ""

    def start(self, jobs: Sequence[Job], *, fresh: bool) -> None:
        """Open the run before anything is measured, so that abandoned runs show.

        Digests are taken now: should code change while it is being measured, the measurement
        is stale, whichever of the two was run.
        """
        needs = {job.need.key: job.need for job in jobs}
        for claim in self.project.claims.values():
            # What may explain a miss is planned only once the miss is known.
            needs |= {need.key: need for need in self.project.tried_needs(claim)}
        codes = Codes()
        self.digests = {
            key: current_digests(self.project, need, codes) for key, need in needs.items()
        }
        keys = [job.need.key for job in jobs]
        body = {"jobs": len(keys), "keys": keys, "fresh": fresh}
        self.started = self._write("run_started", body, {})

    def measured_meanwhile(self, job: Job) -> bool:
        """Tell whether another run recorded this measurement after ours was planned."""
        return any(
            event.type == "measured"
            and event.body["key"] == job.need.key
            and event.body["outcome"] != "error"
            and not (self.full and stopped_early(event.body))
            and event.digests == self.digests[job.need.key]
            for event in self.ledger.events()[self.known :]
        )

    def asker(self, job: Job) -> Callable[[Measurement], bool] | None:
        """Give what may end a measurement early; None where it is to go to its end."""
        if self.full:
            return None
        return asker(self.project, lambda: state_of(self.project).stored, job.need)

    def measured(self, job: Job, outcome: Outcome) -> None:
        """Record one outcome, and which older one it replaces."""
        key = job.need.key
        older = [e for e in self.ledger.events() if e.type == "measured" and e.body["key"] == key]
        body = {
            "key": key,
            "reproduction": job.need.reproduction,
            "params": job.need.params.model_dump(mode="json"),
            "because": job.because,
            **outcome.body,
        }
        worker = {"worker": outcome.worker} if outcome.worker is not None else {}
        event = self._write("measured", body, self.digests[key], worker)
        if older and older[-1].body["outcome"] == "ok":
            self._write("superseded", {"old": older[-1].sha256, "new": event.sha256}, {})

    def judged(self, id_: str, verdict: Verdict) -> None:
        """Record one verdict, with what it was judged from."""
        claim = self.project.claims[id_].model_dump(mode="json", by_alias=True)
        tolerance = claim["tolerance"]
        digests = {"claim": digest(claim), "policy": self.policy}
        body = {"claim": id_, "verdict": verdict.as_json(), "tolerance": tolerance}
        self._write("judged", body, digests)

    def finish(self, ran: Ran) -> None:
        """Close the run, if one was opened."""
        if self.started is not None:
            body = {
                "started": self.started.sha256,
                "measured": ran.measured,
                "errors": ran.errors,
                "changed": len(ran.changed),
                "interrupted": ran.interrupted,
            }
            self._write("run_finished", body, {})

    def _write(
        self, kind: Any, body: Any, digests: Any, worker: Mapping[str, Any] | None = None
    ) -> Event:
        return self.ledger.append(
            kind, body, digests=digests, environment={**self.environment, **(worker or {})}
        )
