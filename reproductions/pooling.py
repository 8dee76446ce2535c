"""One measurement of speed out of those of several fresh processes. Imports no torch."""

from collections.abc import Sequence

from pydantic import JsonValue

from reproductions.contract import Measurement, Quantity
from reproductions.errors import ReproductionError
from reproductions.speed_statistics import LEVEL, Estimate, geometric_mean

OUTCOME = "outcome"
_KEPT = ("device", "kernel")


def pool_throughput(rounds: Sequence[Measurement]) -> Measurement:
    """Pool the processes of ``throughput``: the geometric mean of their medians, and its interval.

    Raises:
        ReproductionError: the processes disagree on whether the batch fits, on the device or on
            the kernel, or there are fewer than two.
    """
    facts = {name: _agreed(name, rounds) for name in (OUTCOME, *_KEPT)}
    evidence: dict[str, JsonValue] = {"rounds": [dict(one.evidence) for one in rounds]}
    if facts[OUTCOME] == "out_of_memory":
        return Measurement(values={}, facts=facts, evidence=evidence)
    latencies = [one.samples["latency_ms"][0] for one in rounds]
    batch = round(rounds[0].values["throughput"].value * latencies[0] / 1e3)
    took = geometric_mean(latencies)
    speed = Estimate(*(1e3 * batch / end for end in (took.value, took.high, took.low)))
    peaks = [one.values["allocated"].value for one in rounds if "allocated" in one.values]
    most = {"allocated": Quantity.exact(max(peaks), "GiB")} if peaks else {}
    return Measurement(
        values={
            "throughput": Quantity(**vars(speed), level=LEVEL, unit="images/s"),
            "latency": Quantity(**vars(took), level=LEVEL, unit="ms"),
            **most,
        },
        facts=facts,
        samples={"latency_ms": latencies},
        evidence=evidence,
    )


def _agreed(name: str, rounds: Sequence[Measurement]) -> JsonValue:
    found = {str(one.facts.get(name)): one.facts.get(name) for one in rounds}
    if len(found) != 1:
        raise ReproductionError(
            f"want one {name} in all {len(rounds)} processes, got {', '.join(found)}; run it again"
        )
    return next(iter(found.values()))
