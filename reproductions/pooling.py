"""Throughput out of fresh processes: what one process hands over, and how they are pooled.

Imports no torch, so that the parent of the processes can pool.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from reproductions.contract import Measurement, Quantity
from reproductions.errors import ReproductionError
from reproductions.speed_statistics import Interval, geometric_mean

__all__ = ["LEVEL", "PROCESSES", "of_process", "out_of_memory", "pool_throughput"]

PROCESSES = 5
"""Fresh processes a throughput is pooled from, at least."""

LEVEL = 0.05
"""Error rate of the pooled interval."""

_LATENCY_MS = "latency_ms"
_OUTCOME = "outcome"
_PROCESSES = "processes"
_SETTING = "setting"


def of_process(
    batch: int,
    latency_ms: float,
    setting: Mapping[str, JsonValue],
    evidence: Mapping[str, JsonValue],
) -> Measurement:
    """Lay out what one process found.

    Its quantities are exact in that they are what this process read; how far processes
    scatter, one of them cannot know.

    Args:
        batch: images per iteration.
        latency_ms: milliseconds of the median iteration.
        setting: what must be the same in all processes that are pooled; ``device``, its class,
            and ``kernel`` among it.
        evidence: what may differ between them.
    """
    return Measurement(
        values={
            "throughput": Quantity.exact(batch / (latency_ms / 1e3), "images/s"),
            "latency": Quantity.exact(latency_ms, "ms"),
        },
        facts={_OUTCOME: "runs", **_told(setting)},
        samples={_LATENCY_MS: [latency_ms]},
        evidence={**evidence, _SETTING: dict(setting)},
    )


def out_of_memory(
    setting: Mapping[str, JsonValue], evidence: Mapping[str, JsonValue]
) -> Measurement:
    """Lay out that the batch did not fit: an outcome without a speed, as arguments above."""
    return Measurement(
        values={},
        facts={_OUTCOME: "out_of_memory", **_told(setting)},
        evidence={**evidence, _SETTING: dict(setting)},
    )


def pool_throughput(measurements: Sequence[Measurement]) -> Measurement:
    """Pool the measurements of fresh processes that all measured the same cell.

    Args:
        measurements: one per process, in the order of the rounds, as ``of_process`` and
            ``out_of_memory`` lay them out.

    Returns:
        ``throughput`` in images/s and ``latency`` in ms per batch, each the geometric mean of
        the processes' medians with its t interval at level 0.05; samples ``latency_ms`` in the
        order of the rounds; evidence of every process. If all ran out of memory: that, and no
        speed.

    Raises:
        ReproductionError: fewer than 5 processes, or some that differ in where and what they
            measured or in whether it fitted.
    """
    if len(measurements) < PROCESSES:
        raise ReproductionError(
            f"pool_throughput: want at least {PROCESSES} processes, got {len(measurements)}; "
            "measure more rounds"
        )
    setting = _common_setting(measurements)
    processes: list[JsonValue] = [
        {key: value for key, value in found.evidence.items() if key != _SETTING}
        for found in measurements
    ]
    evidence: dict[str, JsonValue] = {_PROCESSES: processes}
    if _all_ran_out(measurements):
        found = out_of_memory(setting, evidence)
        return found.model_copy(update={"values": _most("allocated_at_least", measurements)})
    return Measurement(
        values={
            "throughput": _pooled(measurements, "throughput"),
            "latency": _pooled(measurements, "latency"),
            **_most("allocated", measurements),
        },
        facts={_OUTCOME: "runs", **_told(setting)},
        samples={_LATENCY_MS: [found.values["latency"].value for found in measurements]},
        evidence={**evidence, _SETTING: setting},
    )


def _told(setting: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Give what of a setting a verdict asks for."""
    return {name: setting[name] for name in ("device", "kernel") if name in setting}


def _most(name: str, measurements: Sequence[Measurement]) -> dict[str, Quantity]:
    """Give the most that tensors took in any process, where that was read."""
    found = [one.evidence.get("allocated_bytes") for one in measurements]
    known = [size for size in found if isinstance(size, int)]
    return {name: Quantity.exact(max(known) / 2**30, "GiB")} if known else {}


def _all_ran_out(measurements: Sequence[Measurement]) -> bool:
    """Tell whether no process fitted its batch into memory; refuse if only some did."""
    outcomes = [found.facts.get(_OUTCOME) for found in measurements]
    rounds = [number for number, word in enumerate(outcomes, 1) if word == "out_of_memory"]
    if rounds and len(rounds) < len(outcomes):
        raise ReproductionError(
            f"pool_throughput: want one outcome of all rounds, found that {len(rounds)} of "
            f"{len(outcomes)} ran out of memory (round {', '.join(map(str, rounds))}); free "
            "the memory of the device and measure again"
        )
    return bool(rounds)


def _common_setting(measurements: Sequence[Measurement]) -> dict[str, JsonValue]:
    settings = [_setting_of(found) for found in measurements]
    for number, setting in enumerate(settings, 1):
        for key in sorted(settings[0].keys() | setting.keys()):
            first, here = settings[0].get(key), setting.get(key)
            if first != here:
                raise ReproductionError(
                    f"pool_throughput: want the same {key} in all rounds, found {first!r} in "
                    f"round 1 and {here!r} in round {number}; measure again"
                )
    return settings[0]


def _setting_of(found: Measurement) -> dict[str, JsonValue]:
    setting = found.evidence.get(_SETTING)
    if not isinstance(setting, dict) or _PROCESSES in found.evidence:
        raise ReproductionError(
            f"pool_throughput: want measurements of single processes, found evidence of "
            f"{', '.join(sorted(found.evidence)) or 'nothing'}; pool what throughput returned"
        )
    return setting


def _pooled(measurements: Sequence[Measurement], key: str) -> Quantity:
    quantities = [found.values[key] for found in measurements]
    pooled: Interval = geometric_mean([found.value for found in quantities], level=LEVEL)
    return Quantity(
        value=pooled.value,
        low=pooled.low,
        high=pooled.high,
        level=pooled.level,
        unit=quantities[0].unit,
    )
