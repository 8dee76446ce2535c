"""Claims on speed: what transfers from one class of GPU to another, rounds, noise, kernels."""

import pytest

from reproductions.catalog import MultiplyAccumulatesParams
from reproductions.contract import Measurement, Quantity
from verify.errors import ClaimError
from verify.findings import findings_of
from verify.judge import judge
from verify.load import load
from verify.need import Need
from verify.plan import Machine, make_plan
from verify.state import State
from verify.stored import Stored

INDEX = """
schema: 1
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
""" % ("0" * 64)

TABLE = """
  - table: {{table: "6", column: "b = {batch}"}}
    title: Speed
    statement: "{{row}} handles {{printed}} images a second."
    reproduction: throughput
    params: {{batch: {batch}, precision: default, device: rtx-6000-ada}}
    qualifier: b{batch}
    over: {{"New": "Old"}}
    expect: {{kind: value, unit: images/s}}
    rows:
      "Old": {{printed: "{old}", model: pvig_ti}}
      "New": {{printed: "{new}", model: clustervig_ti}}
"""

PRINTED = {1: ("10.0", "20.0"), 8: ("80.0", "160.0"), 64: ("100.0", "400.0"), 128: ("90.0", "99.0")}

CLAIMS = """
claims:
  - id: toyvig.arithmetic.always_faster
    statement: New is faster at batch 64.
    found_at: [{section: "5", printed: "faster"}]
    scope: consistency
    inputs: [toyvig.throughput.clustervig_ti.b64, toyvig.throughput.pvig_ti.b64]
    expect: {kind: ordering, relation: more_than}
  - id: toyvig.arithmetic.faster_at_64
    statement: New is faster at batch 64.
    found_at: [{section: "5", printed: "faster"}]
    scope: consistency
    expect:
      kind: best_of
      better: higher
      pairs: [[toyvig.throughput.clustervig_ti.b64, toyvig.throughput.pvig_ti.b64]]
  - id: toyvig.arithmetic.faster_at_1
    statement: New is faster at batch 1.
    found_at: [{section: "5", printed: "faster"}]
    scope: consistency
    expect:
      kind: best_of
      better: higher
      pairs: [[toyvig.throughput.clustervig_ti.b1, toyvig.throughput.pvig_ti.b1]]
  - id: toyvig.arithmetic.faster_at_128
    statement: New is faster at batch 128.
    found_at: [{section: "5", printed: "faster"}]
    scope: consistency
    expect:
      kind: best_of
      better: higher
      pairs: [[toyvig.throughput.clustervig_ti.b128, toyvig.throughput.pvig_ti.b128]]
  - id: toyvig.arithmetic.up_to_4x
    statement: New is up to 4 times as fast.
    found_at: [{section: "5", printed: "4"}]
    scope: consistency
    expect:
      kind: up_to
      printed: "4"
      unit: ratio
      pairs:
        - [toyvig.throughput.clustervig_ti.b64, toyvig.throughput.pvig_ti.b64]
        - [toyvig.throughput.clustervig_ti.b128, toyvig.throughput.pvig_ti.b128]
"""
CARD, ELSEWHERE = "rtx-6000-ada", "h200"
AT = "toyvig.throughput"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    tables = "".join(TABLE.format(batch=b, old=old, new=new) for b, (old, new) in PRINTED.items())
    (tmp_path / "claims" / "toyvig.yaml").write_text(f"source: toyvig{CLAIMS}tables:{tables}")
    return load(tmp_path)


def speed(batch, value, *, device, spread=0.001, floor=0.5, kernel="none", session="one"):
    """Make a pooled measurement whose rounds lie around a speed."""
    latencies = [1e3 * batch / value * (1 + spread * step) for step in (-2, -1, 0, 1, 2)]
    return Measurement(
        values={
            "throughput": Quantity(
                value=value,
                low=value * (1 - 3 * spread),
                high=value * (1 + 3 * spread),
                level=0.05,
                unit="images/s",
            ),
            "noise_floor": Quantity.exact(floor, "percent"),
        },
        facts={"outcome": "runs", "device": device, "kernel": kernel, "session": session},
        samples={"latency_ms": latencies},
    )


def verdicts(project, speeds, **common):
    """Judge with a speed by (model, batch); the others are not measured."""
    stored = {}
    for (model, batch), value in speeds.items():
        (need,) = project.needs[f"{AT}.{model}.b{batch}"]
        measured = speed(batch, value, **common)
        stored[need.key] = Stored("ok", measured, "", False, need.key, "toy", 1.0)
    return judge(project, stored)


def column(new, old, batch=64, **more):
    """Speeds of a batch, and of batch 1, which is slow enough to keep it busy."""
    speeds = {("clustervig_ti", batch): new, ("pvig_ti", batch): old}
    return {**{("clustervig_ti", 1): new / 10, ("pvig_ti", 1): old / 10}, **speeds, **more}


def test_what_wants_a_gpu_is_blocked_until_it_was_on_one(project):
    found = verdicts(project, {}, device=CARD)[f"{AT}.pvig_ti.b8"]
    assert (found.verdict, found.reason) == ("blocked", "no_device")
    assert found.detail.startswith("wants a CUDA device")


@pytest.mark.parametrize("batch", [1, 64])
def test_a_speed_at_one_batch_is_measured_without_the_others(batch, project):
    asked = [f"toyvig.throughput.{model}.b{batch}" for model in ("pvig_ti", "clustervig_ti")]
    plan = make_plan(project, {}, asked, machine=Machine("h200", has_gpu=True))
    assert [job.need.params.batch for job in plan.jobs] == [batch, batch]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        pytest.param(104.7, "pass", id="inside"),
        pytest.param(105.05 / 1.003, "pass", id="on"),
        pytest.param(110.0, "fail", id="outside"),
    ],
)
def test_an_absolute_speed_is_judged_on_its_own_gpu_within_5_percent(value, word, project):
    found = verdicts(project, {("pvig_ti", 64): value}, device=CARD)[f"{AT}.pvig_ti.b64"]
    assert found.verdict == word


@pytest.mark.parametrize("value", [100.0, 500.0])
def test_an_absolute_speed_does_not_transfer(value, project):
    found = verdicts(project, {("pvig_ti", 64): value}, device=ELSEWHERE)[f"{AT}.pvig_ti.b64"]
    assert (found.verdict, found.reason) == ("not_comparable", "other_card")
    assert found.measured.value == value


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        pytest.param(4.9, "pass", id="inside"),
        pytest.param(3.8, "pass", id="at the end of 5 percent"),
        pytest.param(3.02, "pass", id="just inside"),
        pytest.param(2.95, "not_comparable", id="just outside"),
        pytest.param(9.0, "not_comparable", id="far outside"),
    ],
)
def test_a_ratio_transfers_within_a_quarter_and_never_fails(factor, word, project):
    found = verdicts(project, column(100 * factor, 100.0), device=ELSEWHERE)
    assert found[f"{AT}.clustervig_ti.b64.over_pvig_ti"].verdict == word


@pytest.mark.parametrize(("factor", "word"), [(4.1, "pass"), (4.3, "fail"), (3.0, "fail")])
def test_a_ratio_on_its_own_gpu_is_judged_within_5_percent(factor, word, project):
    found = verdicts(project, column(100 * factor, 100.0), device=CARD)
    assert found[f"{AT}.clustervig_ti.b64.over_pvig_ti"].verdict == word


def test_a_ratio_is_taken_round_by_round(project):
    found = verdicts(project, column(400.0, 100.0), device=CARD, spread=0.1)
    ratio = found[f"{AT}.clustervig_ti.b64.over_pvig_ti"]
    assert ratio.verdict == "pass"  # 30 % scatter in each, the same in both
    assert ratio.measured.high / ratio.measured.low == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("sessions", ["one", "by_model", "by_batch"])
@pytest.mark.parametrize(
    "claim",
    [
        f"{AT}.clustervig_ti.b64.over_pvig_ti",
        "toyvig.arithmetic.always_faster.measured",
        "toyvig.arithmetic.faster_at_64.measured",
    ],
)
@pytest.mark.parametrize(("new", "word"), [(400.0, "pass"), (60.0, "fail")])
def test_what_was_to_be_timed_in_turn_and_was_not_is_left_open(claim, sessions, new, word, project):
    stored = {}
    for (model, batch), value in column(new, 100.0).items():
        (need,) = project.needs[f"{AT}.{model}.b{batch}"]
        session = {"one": "one", "by_model": model, "by_batch": str(batch)}[sessions]
        measured = speed(batch, value, device=CARD, session=session)
        stored[need.key] = Stored("ok", measured, "", False, need.key, "toy", 1.0)
    found = judge(project, stored)[claim]
    if sessions == "by_model":
        assert (found.verdict, found.reason) == ("inconclusive", "noise_floor")
        assert "taken in different sessions" in found.detail
    else:  # batches are never timed in turn
        assert found.verdict == word


@pytest.mark.parametrize("claim", ["faster_at_64", "always_faster"])
@pytest.mark.parametrize(("new", "word"), [(300.0, "pass"), (60.0, "fail")])
def test_an_order_transfers_where_prints_lie_apart_and_both_machines_are_busy(
    claim, new, word, project
):
    found = verdicts(project, column(new, 100.0), device=ELSEWHERE)
    assert found[f"toyvig.arithmetic.{claim}.measured"].verdict == word


def test_an_order_at_the_smallest_batch_does_not_transfer(project):
    found = verdicts(project, column(300.0, 100.0), device=ELSEWHERE)
    at_1 = found["toyvig.arithmetic.faster_at_1.measured"]
    assert (at_1.verdict, at_1.reason) == ("not_comparable", "host_bound")


@pytest.mark.parametrize(("factor", "word"), [(1.51, "pass"), (1.49, "not_comparable")])
def test_an_order_transfers_only_where_a_batch_takes_1_5_times_a_smaller_one(factor, word, project):
    # Batch 1 takes 1 s / 10, so a batch of 64 that takes 1.5 times that is 64 / 0.15 a second.
    slow = {("clustervig_ti", 1): 10.0, ("pvig_ti", 1): 1.0}
    fast = {("clustervig_ti", 64): 640 / factor, ("pvig_ti", 64): 30.0}
    found = verdicts(project, {**slow, **fast}, device=ELSEWHERE)
    assert found["toyvig.arithmetic.faster_at_64.measured"].verdict == word


def test_an_order_of_prints_that_lie_close_does_not_transfer(project):
    found = verdicts(project, column(300.0, 100.0, batch=128), device=ELSEWHERE)
    close = found["toyvig.arithmetic.faster_at_128.measured"]
    assert (close.verdict, close.reason) == ("not_comparable", "other_card")
    assert "1.10 times apart" in close.detail


def test_on_the_card_itself_every_order_counts(project):
    found = verdicts(project, column(300.0, 100.0, batch=128), device=CARD)
    assert found["toyvig.arithmetic.faster_at_128.measured"].verdict == "pass"
    assert found["toyvig.arithmetic.faster_at_1.measured"].verdict == "pass"


@pytest.mark.parametrize(
    ("new", "word"),
    [
        pytest.param(320.0, "pass", id="within a quarter"),
        pytest.param(900.0, "pass", id="exceeded"),
        pytest.param(302.0, "pass", id="just within a quarter"),
        pytest.param(299.0, "not_comparable", id="just below a quarter"),
        pytest.param(200.0, "not_comparable", id="far below"),
    ],
)
def test_a_maximum_transfers_as_its_ratio(new, word, project):
    more = {("clustervig_ti", 128): 99.0, ("pvig_ti", 128): 90.0}
    found = verdicts(project, column(new, 100.0, **{}) | more, device=ELSEWHERE)
    assert found["toyvig.arithmetic.up_to_4x.measured"].verdict == word


@pytest.mark.parametrize(("floor", "word"), [(4.9, "pass"), (5.1, "inconclusive")])
def test_a_claim_tighter_than_the_noise_floor_is_left_open(floor, word, project):
    found = verdicts(project, {("pvig_ti", 64): 100.0}, device=CARD, floor=floor)
    assert found[f"{AT}.pvig_ti.b64"].verdict == word


@pytest.mark.parametrize("claim", ["faster_at_64", "always_faster"])
@pytest.mark.parametrize(("floor", "word"), [(1.9, "pass"), (2.1, "inconclusive")])
def test_an_order_within_the_noise_floor_is_left_open(claim, floor, word, project):
    found = verdicts(project, column(102.0, 100.0), device=CARD, floor=floor)
    found = found[f"toyvig.arithmetic.{claim}.measured"]
    assert (found.verdict, found.reason == "noise_floor") == (word, word == "inconclusive")


@pytest.mark.parametrize("claim", ["faster_at_64", "always_faster"])
def test_an_order_is_asked_round_by_round(claim, project):
    found = verdicts(project, column(102.0, 100.0), device=CARD, spread=0.05)
    assert found[f"toyvig.arithmetic.{claim}.measured"].verdict == "pass"


@pytest.mark.parametrize(("floor", "reason"), [(24.9, "inside_region"), (25.1, "noise_floor")])
def test_a_ratio_on_another_gpu_is_held_to_the_noise_by_its_quarter(floor, reason, project):
    found = verdicts(project, column(400.0, 100.0), device=ELSEWHERE, floor=floor)
    assert found[f"{AT}.clustervig_ti.b64.over_pvig_ti"].reason == reason


@pytest.mark.parametrize(
    ("greatest", "floor", "reason"),
    [
        # "4" begins at 3.5.
        pytest.param(4.0, 14.2, "inside_region", id="noise just less than decides"),
        pytest.param(4.0, 14.3, "noise_floor", id="noise just more than decides"),
        pytest.param(9.0, 100.0, "inside_region", id="far above"),
        pytest.param(9.0, 160.0, "noise_floor", id="far above, more noise"),
        pytest.param(3.0, 16.6, "outside_region", id="below"),
        pytest.param(3.0, 16.7, "noise_floor", id="below by less than noise"),
    ],
)
def test_a_maximum_is_held_to_the_noise_by_its_lower_end(greatest, floor, reason, project):
    more = {("clustervig_ti", 128): 99.0, ("pvig_ti", 128): 90.0}
    speeds = column(100 * greatest, 100.0) | more
    found = verdicts(project, speeds, device=CARD, floor=floor, spread=0)
    assert found["toyvig.arithmetic.up_to_4x.measured"].reason == reason


@pytest.mark.parametrize(("value", "reason"), [(400.0, "inside_region"), (200.0, "substituted")])
def test_a_miss_on_a_substitute_of_the_authors_kernel_is_left_open(value, reason, project):
    speeds = {("clustervig_ti", 64): value}
    found = verdicts(project, speeds, device=CARD, kernel="substitute")
    assert found[f"{AT}.clustervig_ti.b64"].reason == reason


def test_a_ratio_of_prints_is_as_fine_as_the_coarser_of_them(project):
    prints = {b: project.claims[f"{AT}.clustervig_ti.b{b}.over_pvig_ti"].expect for b in PRINTED}
    assert [expect.printed for expect in prints.values()] == ["2.00", "2.00", "4.000", "1.10"]


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        pytest.param("90.0", [], id="a little less time"),
        pytest.param("99.0", [], id="just above four fifths"),
        pytest.param(
            "110.0",
            ["by the prints a batch of 8 takes 73 ms, a batch of 1 takes 100 ms"],
            id="far less",
        ),
    ],
)
def test_a_larger_batch_in_far_less_time_is_a_finding(printed, told, project):
    tables = project.root / "claims" / "toyvig.yaml"
    text = tables.read_text().replace('"Old": {printed: "80.0"', f'"Old": {{printed: "{printed}"')
    tables.write_text(text)
    again = load(project.root)
    found = findings_of(again, State({}, {}), judge(again, {}))
    mine = [f for f in found if f.kind == "implausible" and f"{AT}.pvig_ti.b8" in f.claims]
    assert [finding.detail.partition(":")[0] for finding in mine] == told


@pytest.mark.parametrize(
    ("gmac", "low", "is_told"),
    [
        pytest.param(6.0, 6.0, False, id="within reach"),
        pytest.param(6.2519, 6.2519, False, id="just within"),
        pytest.param(6.2520, 6.2520, True, id="just beyond"),
        pytest.param(7.0, 6.0, False, id="perhaps beyond"),
    ],
)
def test_more_arithmetic_than_a_gpu_can_do_is_a_finding(gmac, low, is_told, project):
    card = '{tera_operations: "2", because: a data sheet}'
    index = project.root / "claims.yaml"
    index.write_text(f"{index.read_text()}cards: {{rtx-6000-ada: {card}}}\n")
    again = load(project.root)
    params = {"model": "clustervig_ti", "image_size": 224, "num_classes": 1000}
    need = Need("multiply_accumulates", MultiplyAccumulatesParams.model_validate(params))
    counted = Quantity(value=gmac, low=low, high=gmac, unit="GMAC")
    measurement = Measurement(values={"executed": counted})
    stored = {need.key: Stored("ok", measurement, "", False, "e", "here", 1.0)}
    found = findings_of(again, State({}, stored), judge(again, stored))
    told = [f for f in found if f.kind == "implausible" and "operations each" in f.detail]
    # The printed 160.0 stands for 159.95 at least: 2 TFLOP/s are 6.2520 GMAC an image.
    assert (f"{AT}.clustervig_ti.b8" in [id_ for f in told for id_ in f.claims]) is is_told


def test_a_ratio_of_a_row_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    table = TABLE.format(batch=1, old="1.0", new="2.0").replace('{"New": "Old"}', '{"New": "Odl"}')
    (tmp_path / "claims" / "toyvig.yaml").write_text(f"source: toyvig\ntables:{table}")
    with pytest.raises(ClaimError, match=r"over\.New: want a row, got 'Odl'; did you mean 'Old'"):
        load(tmp_path)
