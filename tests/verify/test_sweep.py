"""A session of timings: rounds, order, noise floor, health; against a process that is made up."""

import pytest

from reproductions.catalog import ThroughputParams
from reproductions.contract import Measurement, Quantity
from reproductions.pooling import of_process, out_of_memory
from reproductions.telemetry import Reading, Telemetry, nothing_watched
from verify.child import Outcome
from verify.need import Need
from verify.sweep import sweep

MODELS = ("pvig_ti", "clustervig_ti", "greedyvig_s")
SETTING = {"batch": 8, "device": "toy-gpu", "kernel": "none"}


def need(model, device="cpu"):
    params = ThroughputParams(model=model, batch=8, precision="default", device=device)
    return Need("throughput", params)


class Machine:
    """Answers as workers would; ``ms`` of a batch may depend on the process and the run."""

    def __init__(self, ms=lambda model, process, run: 10.0, anchors=lambda process: 1.0):
        self.ms, self.anchors = ms, anchors
        # The session closes what ran before, and opens its own with process 0.
        self.process, self.asked, self.answers = -1, [], {}

    def measure(self, need):
        if need.reproduction == "anchors":
            value = Quantity.exact(self.anchors(self.process), "TFLOP/s")
            return ok(Measurement(values={"matmul": value}))
        model = need.params.model
        run = sum(asked == (self.process, model) for asked in self.asked)
        self.asked.append((self.process, model))
        if model in self.answers:
            return self.answers[model]
        return ok(of_process(8, self.ms(model, self.process, run), SETTING, {}))

    def close(self):
        self.process += 1


def ok(measurement):
    body = {"outcome": "ok", "measurement": measurement.model_dump(mode="json")}
    return Outcome(body, {"device": "toy"})


def session(machine, *, device="cpu", telemetry=None):
    needs = [need(model, device) for model in MODELS]
    found = sweep(needs, machine, telemetry or nothing_watched(), "session 1")
    return {one.params.model: found[one.key].body for one in needs}


def test_every_round_is_a_process_of_its_own_and_has_every_model_once():
    machine = Machine()
    session(machine)
    by_process = {}
    for process, model in machine.asked:
        by_process.setdefault(process, []).append(model)
    assert [len(models) for models in by_process.values()] == [4] * 5
    assert all(set(models) == set(MODELS) for models in by_process.values())


def test_the_order_is_another_one_in_each_round_and_the_first_model_closes_it():
    machine = Machine()
    session(machine)
    orders = [[m for p, m in machine.asked if p == process] for process in range(1, 6)]
    assert [order[0] for order in orders] == [*MODELS, *MODELS[:2]]
    assert {order[-1] for order in orders} == {MODELS[0]}


def test_a_planted_difference_is_found_exactly_whatever_the_rounds_do():
    drift = [1.0, 1.3, 0.8, 2.0, 1.1]
    factor = {"pvig_ti": 1.0, "clustervig_ti": 1.03, "greedyvig_s": 0.5}
    found = session(Machine(lambda model, process, run: 10 * factor[model] * drift[process - 1]))
    samples = {m: body["measurement"]["samples"]["latency_ms"] for m, body in found.items()}
    ratios = [b / a for a, b in zip(samples["pvig_ti"], samples["clustervig_ti"], strict=True)]
    assert ratios == pytest.approx([1.03] * 5, rel=1e-12)


def test_the_noise_floor_is_how_far_the_first_model_is_from_itself():
    quiet = session(Machine())["pvig_ti"]["measurement"]["values"]["noise_floor"]
    noisy = Machine(lambda model, process, run: 10.0 * (1 + 0.02 * run))
    loud = session(noisy)["clustervig_ti"]["measurement"]["values"]["noise_floor"]
    assert quiet["value"] == 0
    assert loud["value"] > 2  # percent; what is always slower the second time is noise too


def test_the_noise_floor_is_that_of_the_first_model_that_runs():
    machine = Machine(lambda model, process, run: 10.0 * (1 + 0.02 * run))
    machine.answers["pvig_ti"] = Outcome({"outcome": "blocked", "reason": "gone"}, None)
    found = session(machine)["greedyvig_s"]["measurement"]["values"]["noise_floor"]
    assert found["value"] > 2


def test_without_a_noise_floor_a_session_is_an_error():
    machine = Machine()
    whole = machine.measure

    def once(need):
        again = (machine.process, need.params.model_dump().get("model")) in machine.asked
        return Outcome({"outcome": "error", "reason": "gone"}, None) if again else whole(need)

    machine.measure = once
    found = session(machine)["clustervig_ti"]
    assert found["outcome"] == "error"
    assert "nothing tells the noise" in found["reason"]


def test_what_was_measured_together_says_so():
    found = session(Machine())
    facts = [body["measurement"]["facts"] for body in found.values()]
    assert {fact["session"] for fact in facts} == {"session 1"}
    assert found["pvig_ti"]["measurement"]["evidence"]["session"]["models"] == list(MODELS)


def test_memory_that_runs_out_in_every_round_is_an_outcome_and_the_others_go_on():
    machine = Machine()
    machine.answers["clustervig_ti"] = ok(out_of_memory(SETTING, {}))
    found = session(machine)
    assert sum(model == "clustervig_ti" for _, model in machine.asked) == 5
    measured = found["clustervig_ti"]["measurement"]
    assert (measured["facts"]["outcome"], measured["values"]) == ("out_of_memory", {})
    assert found["greedyvig_s"]["outcome"] == "ok"


@pytest.mark.parametrize("ended", ["blocked", "error"])
def test_what_ends_early_ends_alone(ended):
    machine = Machine()
    body = {"outcome": ended, "exception": "X", "message": "gone", "reason": "gone"}
    machine.answers["clustervig_ti"] = Outcome(body, None)
    found = session(machine)
    assert found["clustervig_ti"]["outcome"] == ended
    assert found["pvig_ti"]["outcome"] == found["greedyvig_s"]["outcome"] == "ok"


def test_after_an_error_the_next_model_gets_a_process_of_its_own():
    machine = Machine()
    body = {"outcome": "error", "exception": "X", "message": "device lost", "reason": "lost"}
    machine.answers["clustervig_ti"] = Outcome(body, None)
    session(machine)
    after = machine.asked.index((1, "clustervig_ti")) + 1
    assert machine.asked[after] == (2, "greedyvig_s")


def test_where_nothing_can_be_measured_one_round_is_enough():
    machine = Machine()
    for model in MODELS:
        machine.answers[model] = Outcome({"outcome": "blocked", "reason": "no GPU"}, None)
    session(machine)
    assert len(machine.asked) == 3


@pytest.mark.parametrize(
    ("after", "outcome"), [(1.03, "ok"), (0.97, "ok"), (1.031, "error"), (0.969, "error")]
)
def test_a_session_on_a_gpu_whose_anchors_drift_over_3_percent_is_an_error(after, outcome):
    machine = Machine(anchors=lambda process: 1.0 if process == 0 else after)
    found = session(machine, device="cuda")
    assert {body["outcome"] for body in found.values()} == {outcome}
    if outcome == "error":
        assert "the anchor matmul drifted" in found["pvig_ti"]["reason"]


def test_drift_on_a_cpu_is_only_remarked_upon():
    machine = Machine(anchors=lambda process: 1.0 + process)
    found = session(machine)["pvig_ti"]
    assert found["outcome"] == "ok"
    remarks = found["measurement"]["evidence"]["session"]["remarks"]
    assert any("drifted" in remark for remark in remarks)


class Card:
    """A GPU that throttles from the start."""

    error = RuntimeError

    def describe(self):
        return {"name": "Toy GPU", "driver": "1"}

    def read(self):
        return Reading(1000, 2000, 300, 95, 100, frozenset({"thermal_hardware"}), frozenset())


def test_a_gpu_that_throttles_yields_errors_and_never_verdicts():
    found = session(Machine(), device="cuda", telemetry=Telemetry(Card()))
    assert {body["outcome"] for body in found.values()} == {"error"}
    assert "slowed down (thermal hardware)" in found["pvig_ti"]["reason"]
    assert found["pvig_ti"]["session"]["telemetry"]["celsius"]["most"] == 95


class Shared(Machine, Card):
    """A machine and its GPU: ours shows while it is open, theirs from some reading on."""

    def __init__(self, joins_after):
        super().__init__()
        self.is_open = True  # it has measured something else before
        self.joins_after, self.read_so_far = joins_after, 0
        self.telemetry = ByHand(self)

    def measure(self, need):
        self.is_open = True
        self.telemetry.readings += [self.read(), self.read()]
        return super().measure(need)

    def close(self):
        self.is_open = False
        super().close()

    def read(self):
        self.read_so_far += 1
        running = {1000 + self.process} if self.is_open else set()
        running |= {7} if self.read_so_far > self.joins_after else set()
        return Reading(1000, 2000, 300, 60, 100, frozenset(), frozenset(running))


class ByHand(Telemetry):
    """Telemetry that reads when told to."""

    def __enter__(self):
        self.others = self.card.read().processes
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize(
    ("joins_after", "told"),
    [
        pytest.param(0, "1 other process(es) computed on the GPU before", id="from the start"),
        pytest.param(20, "2 processes computed on the GPU at once", id="in the middle"),
        pytest.param(10**6, None, id="never"),
    ],
)
def test_only_a_process_of_others_makes_a_session_an_error(joins_after, told):
    machine = Shared(joins_after)
    found = session(machine, device="cuda", telemetry=machine.telemetry)["pvig_ti"]
    assert found["outcome"] == ("ok" if told is None else "error")
    if told is not None:
        assert told in found["reason"]


def test_processes_that_disagree_on_what_fits_are_an_error():
    machine = Machine()
    fits = machine.measure

    def sometimes(asked):
        if asked.params.model_dump().get("model") == "greedyvig_s" and machine.process == 3:
            machine.asked.append((3, "greedyvig_s"))
            return ok(out_of_memory(SETTING, {}))
        return fits(asked)

    machine.measure = sometimes
    found = session(machine)
    assert found["greedyvig_s"]["outcome"] == "error"
    assert "ran out of memory" in found["greedyvig_s"]["reason"]
    assert found["pvig_ti"]["outcome"] == "ok"
