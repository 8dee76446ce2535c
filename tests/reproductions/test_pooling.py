"""Throughput pooled from processes, and what is refused rather than pooled."""

import math

import pytest

from reproductions.catalog_runs import THROUGHPUT
from reproductions.contract import Measurement
from reproductions.errors import ReproductionError
from reproductions.pooling import PROCESSES, of_process, out_of_memory, pool_throughput
from reproductions.speed_statistics import geometric_mean

LATENCIES = [10.0, 10.2, 9.9, 10.1, 10.0]
SETTING = {"batch": 8, "device": "Toy GPU", "precision": {"autocast": None}}


def ran(latency_ms, **changes):
    return of_process(8, latency_ms, {**SETTING, **changes}, {"iterations": 10})


def did_not_fit():
    return out_of_memory(SETTING, {"error": "tried to allocate 2 GiB"})


def test_a_process_hands_over_what_it_read():
    found = ran(10.0)
    assert found.values["throughput"].value == 800
    assert found.values["throughput"].unit == "images/s"
    assert found.values["latency"].value == 10.0
    assert found.values["latency"].unit == "ms"
    assert found.samples == {"latency_ms": [10.0]}
    assert found.facts["outcome"] == "runs"
    assert found.evidence == {"iterations": 10, "setting": SETTING}


def test_processes_are_pooled_by_the_geometric_mean_and_its_interval():
    pooled = pool_throughput([ran(latency) for latency in LATENCIES])
    reference = geometric_mean(LATENCIES, level=0.05)
    latency, speed = pooled.values["latency"], pooled.values["throughput"]
    assert latency.value == pytest.approx(math.prod(LATENCIES) ** (1 / 5), rel=1e-12)
    assert (latency.low, latency.high) == pytest.approx((reference.low, reference.high), rel=1e-12)
    assert speed.value == pytest.approx(8e3 / latency.value, rel=1e-12)
    assert speed.low == pytest.approx(8e3 / latency.high, rel=1e-12)
    assert speed.high == pytest.approx(8e3 / latency.low, rel=1e-12)
    assert latency.level == speed.level == 0.05
    assert (latency.unit, speed.unit) == ("ms", "images/s")


def test_a_pooled_measurement_keeps_every_process_in_the_order_of_the_rounds():
    pooled = pool_throughput([ran(latency) for latency in LATENCIES])
    assert pooled.samples == {"latency_ms": LATENCIES}
    assert pooled.facts["outcome"] == "runs"
    assert pooled.evidence == {"processes": [{"iterations": 10}] * 5, "setting": SETTING}


@pytest.mark.parametrize("count", [0, 1, 4])
def test_fewer_processes_than_declared_are_refused(count):
    with pytest.raises(ReproductionError, match=f"at least 5 processes, got {count}; measure"):
        pool_throughput([ran(10.0)] * count)


@pytest.mark.parametrize("count", [5, 6])
def test_as_many_processes_as_declared_or_more_are_pooled(count):
    assert len(pool_throughput([ran(10.0)] * count).samples["latency_ms"]) == count


def test_the_catalog_declares_as_many_processes_as_are_pooled():
    assert THROUGHPUT.processes == PROCESSES == 5
    assert THROUGHPUT.pool is pool_throughput


def test_memory_that_ran_out_in_every_round_is_the_outcome():
    pooled = pool_throughput([did_not_fit()] * 5)
    assert pooled.values == pooled.samples == {}
    assert pooled.facts["outcome"] == "out_of_memory"
    assert pooled.evidence["setting"] == SETTING
    assert pooled.evidence["processes"] == [{"error": "tried to allocate 2 GiB"}] * 5


def test_memory_that_ran_out_in_some_rounds_is_a_disagreement():
    rounds = [ran(10.0), did_not_fit(), ran(10.0), did_not_fit(), ran(10.0)]
    with pytest.raises(ReproductionError, match=r"2 of 5 ran out of memory \(round 2, 4\)"):
        pool_throughput(rounds)


@pytest.mark.parametrize(
    "change", [{"batch": 16}, {"device": "Other GPU"}, {"threads": 2}], ids=lambda c: next(iter(c))
)
def test_rounds_of_different_settings_are_refused(change):
    rounds = [ran(10.0), ran(10.0), ran(10.0, **change), ran(10.0), ran(10.0)]
    (key,) = change
    with pytest.raises(ReproductionError, match=f"the same {key} in all rounds, .+ in round 3;"):
        pool_throughput(rounds)


def test_what_throughput_did_not_return_is_refused():
    with pytest.raises(ReproductionError, match="single processes, found evidence of nothing"):
        pool_throughput([Measurement(values={})] * 5)


def test_a_pooled_measurement_is_not_pooled_again_as_if_it_were_a_process():
    pooled = pool_throughput([ran(latency) for latency in LATENCIES])
    with pytest.raises(ReproductionError, match="single processes, found evidence of processes"):
        pool_throughput([pooled] * 5)
