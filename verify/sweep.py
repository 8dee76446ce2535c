"""Measurements of speed: several fresh processes, in each every model of a batch column in turn.

One process may be lucky or not, and a machine slows down and speeds up; so each round starts a
process of its own, the order is another one in each, and what is compared ran in the same rounds.
The first measurement is taken once more at the end of every round: how far it is from itself is
the noise floor. Known answers open and close the session, and a GPU is watched in between. From a
session that the machine was not fit for nothing counts: errors, never verdicts.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from reproductions.catalog import AnchorsParams
from reproductions.contract import Measurement, Quantity
from reproductions.errors import ReproductionError
from reproductions.session_health import Fitness, fitness
from reproductions.speed_statistics import noise_floor
from reproductions.telemetry import Telemetry
from verify.child import Outcome
from verify.need import Need

NOISE_FLOOR = "noise_floor"
_LEVEL = 0.05


class Process(Protocol):
    """A process that measures and is started by its first request, as ``child.Worker`` is."""

    def measure(self, need: Need) -> Outcome:
        """Run one reproduction."""

    def close(self) -> None:
        """End it; the next request starts another one."""


@dataclass
class _Cell:
    """One measurement on its way through the rounds."""

    need: Need
    rounds: list[Measurement] = field(default_factory=list)
    ended: Outcome | None = None
    """How it ended before its last round: blocked, or an error."""
    worker: dict[str, Any] | None = None

    @property
    def ran_out(self) -> bool:
        return any(one.facts.get("outcome") == "out_of_memory" for one in self.rounds)


def sweep(
    needs: Sequence[Need],
    process: Process,
    telemetry: AbstractContextManager[Telemetry],
    session: str,
    progress: Callable[[Need], None] = lambda _: None,
) -> dict[str, Outcome]:
    """Measure what runs in the same processes.

    Args:
        needs: measurements whose params differ in the model alone.
        process: where each round begins anew.
        telemetry: what watches the device.
        session: a name that no other session has.
        progress: told before each single run.

    Returns:
        Outcomes by ``Need.key``.
    """
    cells = [_Cell(need) for need in needs]
    pairs: list[tuple[float, float]] = []
    is_gpu = needs[0].params.wants_cuda()
    anchors = Need("anchors", AnchorsParams(device="cuda" if is_gpu else "cpu"))
    rounds = needs[0].spec.processes
    process.close()  # one that measured something else would be somebody else on the card
    with telemetry as watched:
        opening = _answer(process.measure(anchors))
        for number in range(rounds):
            process.close()
            pairs += _one_round(cells, number, process, progress)
            if all(cell.ended is not None for cell in cells):
                break
        closing = _answer(process.measure(anchors))
        process.close()
    found = fitness(opening, closing, watched.summary(), is_gpu=is_gpu)
    told = {
        "id": session,
        "models": [str(need.params.subject()) for need in needs],
        "opening": _figures(opening),
        "closing": _figures(closing),
        "telemetry": watched.summary(),
        "remarks": list(found.remarks),
    }
    # Two readings have no scatter of their own; then nothing tells how far noise goes.
    floor = 100 * noise_floor(pairs, level=_LEVEL) if len(pairs) > 1 else None
    return {cell.need.key: _outcome(cell, found, told, floor) for cell in cells}


def _one_round(
    cells: Sequence[_Cell], number: int, process: Process, progress: Callable[[Need], None]
) -> list[tuple[float, float]]:
    """Run every cell that is still in the running once; give the first one's two times, if any."""
    start = number % len(cells)
    for cell in [*cells[start:], *cells[:start]]:
        if cell.ended is None:
            progress(cell.need)
            _run(cell, process)
    first = next((cell for cell in cells if cell.ended is None and not cell.ran_out), None)
    again = _answer(process.measure(first.need)) if first is not None else None
    if first is None or again is None or not again.samples:
        return []
    return [(first.rounds[-1].samples["latency_ms"][0], again.samples["latency_ms"][0])]


def _run(cell: _Cell, process: Process) -> None:
    outcome = process.measure(cell.need)
    cell.worker = outcome.worker
    measured = _answer(outcome)
    if measured is None:
        cell.ended = outcome
        if outcome.body["outcome"] == "error":
            process.close()  # whatever state it is in, the next cell is not to run in it
    else:
        cell.rounds.append(measured)


def _answer(outcome: Outcome) -> Measurement | None:
    measurement = outcome.body.get("measurement")
    return Measurement.model_validate(measurement) if measurement else None


def _figures(anchors: Measurement | None) -> dict[str, float] | None:
    if anchors is None:
        return None
    return {name: quantity.value for name, quantity in anchors.values.items()}


def _outcome(cell: _Cell, found: Fitness, told: Mapping[str, Any], floor: float | None) -> Outcome:
    if cell.ended is not None:
        return cell.ended
    if found.unfit:
        return _error("UnfitSessionError", "; ".join(found.unfit), cell.worker, told)
    if cell.need.spec.pool is None:
        raise ReproductionError(f"{cell.need}: want a way to pool rounds, found none")
    try:
        pooled = cell.need.spec.pool(cell.rounds)
    except ReproductionError as error:
        return _error(type(error).__name__, str(error), cell.worker, told)
    values = dict(pooled.values)
    if pooled.samples and floor is None:
        told_why = "no model ran twice in two rounds, so that nothing tells the noise"
        return _error("UnfitSessionError", told_why, cell.worker, told)
    if pooled.samples and floor is not None:
        values[NOISE_FLOOR] = Quantity.exact(floor, "percent")
    measurement = pooled.model_copy(
        update={
            "values": values,
            "facts": {**pooled.facts, "session": told["id"]},
            "evidence": {**pooled.evidence, "session": dict(told)},
        }
    )
    body = {"outcome": "ok", "measurement": measurement.model_dump(mode="json")}
    return Outcome(body, cell.worker)


def _error(
    name: str, message: str, worker: dict[str, Any] | None, told: Mapping[str, Any]
) -> Outcome:
    body = {
        "outcome": "error",
        "exception": name,
        "message": message,
        "reason": f"{name}: {message}",
        "session": dict(told),
    }
    return Outcome(body, worker)
