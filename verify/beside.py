"""Measurements side by side: two workers, one list, taken from both of its ends.

Only what reads no clock and no meter runs so. What is largest stands at one end of the list, so
that the largest runs beside the smallest, and both fit into little memory.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from reproductions.devices import processors
from verify.child import Outcome, Worker
from verify.plan import Job

_WORTH_A_FORK = 8
"""Measurements from which on a second worker is started, for which everything is imported first."""


def measured_beside(
    jobs: Sequence[Job], worker: Worker, started: Callable[[Job], None]
) -> Iterator[tuple[Job, Outcome]]:
    """Measure, two at a time where there are two processors; yield outcomes as they come.

    Args:
        jobs: what ``Spec.beside`` says may run so.
        worker: the first of the two, which forks the second off and ends it when it is closed.
        started: told before each measurement.
    """
    jobs = sorted(jobs, key=lambda job: job.need.params.drawn(), reverse=True)
    other = worker.split() if len(jobs) >= _WORTH_A_FORK and processors() > 1 else None
    if other is None:
        for job in jobs:
            started(job)
            yield job, worker.measure(job.need)
        return
    yield from _taken_from_both_ends(deque(jobs), worker, other, started)


def _taken_from_both_ends(
    waiting: deque[Job], worker: Worker, other: Worker, started: Callable[[Job], None]
) -> Iterator[tuple[Job, Outcome]]:
    ends = {worker: waiting.popleft, other: waiting.pop}
    running: dict[Future[Outcome], tuple[Worker, Job]] = {}

    with ThreadPoolExecutor(len(ends)) as pool:

        def give(lane: Worker) -> None:
            if waiting:
                job = ends[lane]()
                started(job)
                running[pool.submit(lane.measure, job.need)] = lane, job

        try:
            for lane in ends:
                give(lane)
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    lane, job = running.pop(future)
                    give(lane)
                    yield job, future.result()
        finally:  # whoever is still at work when nobody wants the rest is to stop
            if running:
                worker.kill()
                other.kill()
