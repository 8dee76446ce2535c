"""Accuracy as the judge sees it: parts of the images, mistaken transforms, pairs of models."""

import base64
import json
import zlib
from dataclasses import replace

import pytest

from reproductions.contract import Measurement, Quantity
from verify.console import explain
from verify.early import asker, unfinished
from verify.findings import findings_of
from verify.judge import judge
from verify.load import load
from verify.need import Need
from verify.report import report_on
from verify.state import State
from verify.stored import Stored
from verify.wording import summary, verdict_words

PARAMS = {
    "dataset": "imagenet-1k-val",
    "weights": "released",
    "precision": "tf32_off",
    "batch": 64,
    "device": "any",
}
ANALYSIS = "toynotes.top1_accuracy.vig_s"
ROW = "toynotes.top1_accuracy.mobilevig_s"
ORDER = "toynotes.top1_accuracy.order"
GAP = "toynotes.top1_accuracy.gap"
STATED = "toynotes.top1_accuracy.resnet18"
BOUND = "toynotes.top1_accuracy.bound"
WORSE = "toynotes.top1_accuracy.worse"
CHANGE = "toynotes.top1_accuracy.change"
HARD = "toynotes.top1_accuracy.imagenet_a"


def claim(id_, expect, **fields):
    found = {"found_at": [{"section": "1", "printed": "1"}], "statement": "It is so."}
    return {"id": id_, "expect": expect, **found, **fields}


def value(printed):
    return {"kind": "value", "printed": printed, "unit": "percent"}


def of(model, transform="trained", **params):
    return {**PARAMS, "model": model, "transform": transform, **params}


MEANT = {
    "resize": 256,
    "crop": 224,
    "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
"""As timm says of ResNet-18."""
HALVES = {**MEANT, "mean": [0.5] * 3, "std": [0.5] * 3}

CLAIMS = [
    claim(
        STATED,
        value("66.0"),
        reproduction="top1_accuracy",
        params=of("resnet18", HALVES, weights="weights/resnet18"),
        protocols={"trained": {"transform": "trained"}},
    ),
    claim(
        BOUND,
        {"kind": "bound", "relation": "at_most", "printed": "70", "unit": "percent"},
        reproduction="top1_accuracy",
        params=of("vig_b", "analysis"),
    ),
    claim(
        WORSE,
        {"kind": "ordering", "relation": "less_than"},
        inputs=[
            {"reproduction": "top1_accuracy", "params": of("vig_b", "analysis")},
            {"reproduction": "top1_accuracy", "params": of("greedyvig_b")},
        ],
    ),
    claim(
        CHANGE,
        {"kind": "ordering", "relation": "less_than"},
        inputs=[
            {"reproduction": "top1_accuracy", "params": of("vig_b", "analysis")},
            {"reproduction": "top1_accuracy", "params": of("vig_b")},
        ],
    ),
    claim(
        ANALYSIS,
        value("68.6"),
        reproduction="top1_accuracy",
        params=of("vig_s", "analysis"),
        protocols={"trained": {"transform": "trained"}},
    ),
    claim(ROW, value("78.2"), reproduction="top1_accuracy", params=of("mobilevig_s")),
    claim(
        ORDER,
        {"kind": "ordering", "relation": "more_than"},
        inputs=[
            {"reproduction": "top1_accuracy", "params": of("mobilevig_m")},
            {"reproduction": "top1_accuracy", "params": of("mobilevig_b")},
        ],
    ),
    claim(
        GAP,
        {"kind": "difference", "printed": "2.0", "unit": "point"},
        inputs=[
            {"reproduction": "top1_accuracy", "params": of("greedyvig_m")},
            {"reproduction": "top1_accuracy", "params": of("greedyvig_s")},
        ],
    ),
    claim(
        HARD,
        value("2.7"),
        reproduction="top1_accuracy",
        params=of("vig_ti", dataset="imagenet-a"),
    ),
]


@pytest.fixture
def project(tmp_path):
    index = {"schema": 1, "sources": {"toynotes": {"title": "T", "file": "t", "sha256": "a" * 64}}}
    (tmp_path / "claims.yaml").write_text(json.dumps(index))
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "toynotes.yaml").write_text(
        json.dumps({"source": "toynotes", "claims": CLAIMS})
    )
    return load(tmp_path)


def measured(low, high=None, bits=None, **others):
    """Make a measurement: exact, or with the bounds of one that stopped early."""
    exact = high is None
    values = {"top1": (low, low if exact else high), **others}
    told = {"complete": exact, "seen": 1000 if exact else 100, "images": 1000}
    evidence = {"manifest": "m"}
    if bits is not None:
        packed = bits.to_bytes(125, "big")
        evidence["correct"] = base64.b64encode(zlib.compress(packed)).decode()
    quantities = {
        key: Quantity(
            value=(a + b) / 2, low=a, high=b, level=None if a == b else 0.01, unit="percent"
        )
        for key, (a, b) in values.items()
    }
    return Measurement(values=quantities, facts=told, evidence=evidence)


def stored(**by_need):
    return {
        key: Stored("ok", found, "", stale=False, event=key, machine="m", duration_s=1.0)
        for key, found in by_need.items()
    }


def need_of(project, id_, protocol=None):
    return project.protocols[id_][protocol] if protocol else project.needs[id_][0]


def verdict(project, id_, *pairs):
    known = stored(**{need.key: found for need, found in pairs})
    return judge(project, known, [id_])[id_]


# -- parts of the images ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (78.05, 78.35, "pass"),  # exactly the region: half a digit and the tolerance either way
        (78.04, 78.3, "inconclusive"),
        (78.1, 78.36, "inconclusive"),
        (78.35, 79.0, "inconclusive"),
        (78.36, 79.0, "fail"),
        (70.0, 78.04, "fail"),
        (10.0, 90.0, "inconclusive"),
    ],
)
def test_bounds_pass_inside_fail_outside_and_decide_nothing_between(project, low, high, word):
    need = need_of(project, ROW)
    found = verdict(project, ROW, (need, measured(low, high)))
    assert found.verdict == word
    assert asker(project, dict, need)(measured(low, high)) is (word != "inconclusive")


def test_what_stopped_early_counts_among_the_false_verdicts_to_expect(project):
    need = need_of(project, ROW)
    state = State({}, stored(**{need.key: measured(78.1, 78.3)}))
    assert report_on(project, state).false_verdicts_to_expect() == 0.01


def test_of_a_measurement_that_no_claim_is_about_all_images_are_seen(project):
    need = need_of(project, ROW)
    other = Need(need.reproduction, need.params.model_copy(update={"model": "vig_b"}))
    assert asker(project, dict, other)(measured(0.0, 1.0)) is False


def test_another_protocol_is_asked_whether_the_print_lies_in_it_or_not(project):
    need = need_of(project, ANALYSIS, "trained")
    ask = asker(project, dict, need)
    assert ask(measured(75.0, 85.0)) is True
    assert ask(measured(68.0, 85.0)) is False


@pytest.mark.parametrize(
    ("all_", "some", "is_enough"),
    [((2.6, 2.8), (0, 50), True), ((5, 6), (2, 9), False), ((5, 6), (8, 9), True)],
)
def test_an_unstated_convention_is_asked_for_each(project, all_, some, is_enough):
    found = measured(*all_, top1_200way=some)
    assert asker(project, dict, need_of(project, HARD))(found) is is_enough


def test_a_miss_that_another_way_to_count_fits_is_left_open(project):
    found = measured(1.0, top1_200way=(2.7, 2.7))
    sibling = need_of(project, ANALYSIS), measured(68.6)  # has no such way to count
    judged = verdict(project, HARD, (need_of(project, HARD), found), sibling)
    assert (judged.verdict, judged.reason) == ("inconclusive", "convention_ambiguous")
    judged = verdict(project, HARD, (need_of(project, HARD), measured(1.0, top1_200way=(9, 9))))
    assert judged.verdict == "fail"


def test_a_pair_waits_until_its_order_is_known(project):
    first, second = project.needs[ORDER]
    assert asker(project, dict, first)(measured(80.0, 90.0)) is False  # the other is to come
    known = stored(**{second.key: measured(85.0)})
    ask = asker(project, lambda: known, first)
    assert ask(measured(80.0, 90.0)) is False
    assert ask(measured(85.1, 90.0)) is True
    assert ask(measured(80.0, 85.0)) is True  # no more than: does not hold


def test_a_pair_whose_other_side_cannot_be_had_keeps_nobody_waiting(project):
    first, second = project.needs[ORDER]
    missing = Stored("blocked", None, "wants weights", False, "e", "m", 1.0)
    known = {second.key: missing}
    assert asker(project, lambda: known, first)(measured(80.0, 90.0)) is True


def test_what_both_sides_of_a_pair_lack_is_told_at_once(project):
    first, second = project.needs[ORDER]
    known = {
        need.key: Stored("blocked", None, f"wants weights {name}", False, "e", "m", 1.0)
        for need, name in ((first, "mobilevig_m"), (second, "mobilevig_b"))
    }
    judged = judge(project, known, [ORDER])[ORDER]
    assert (judged.verdict, judged.reason) == ("blocked", "not_measurable")
    assert "wants weights mobilevig_m; wants weights mobilevig_b" in judged.detail


def test_a_part_that_leaves_a_claim_open_is_to_go_on(project):
    need = need_of(project, ROW)
    for found, open_ in ((measured(78.0, 79.0), True), (measured(79.0, 80.0), False)):
        known = stored(**{need.key: found})
        assert unfinished(project, known, full=False) == ({need.key} if open_ else set())
        assert unfinished(project, known, full=True) == {need.key}
    assert unfinished(project, stored(**{need.key: measured(78.2)}), full=True) == set()


# -- mistaken transforms ----------------------------------------------------------------


def test_the_documents_own_pipeline_passes_as_a_mistake_and_is_a_finding(project):
    own, right = need_of(project, ANALYSIS), need_of(project, ANALYSIS, "trained")
    known = stored(**{own.key: measured(68.6), right.key: measured(80.4)})
    state = State({}, known)
    verdicts = judge(project, known)
    judged = verdicts[ANALYSIS]
    assert (judged.verdict, judged.agreement) == ("pass", "mistaken_protocol")
    told = "mean 0.485, 0.456, 0.406, std 0.229, 0.224, 0.225, while the model is evaluated with"
    assert told in judged.detail
    assert judged.detail.endswith("without it 80.4 percent")
    found = [one for one in findings_of(project, state, verdicts) if one.claims == (ANALYSIS,)]
    assert [one.kind for one in found] == ["defective_protocol"]
    assert found[0].detail.startswith("68.6 percent holds, but with a mistake: images resized to")
    report = report_on(project, state)
    entry = next(e for e in report.entries if e.claim.id == ANALYSIS)
    assert verdict_words(entry) == "✓ holds (mistaken protocol)"
    assert "0 hold as printed" in summary(report)
    assert "1 only by a mistake in measuring" in summary(report)


@pytest.mark.parametrize(
    ("own", "right", "word", "finding"),
    [
        (measured(68.6), None, "pass", "nothing is measured yet"),
        (measured(68.6), measured(80.0, 81.0), "pass", "without it 80.5 (80 to 81) percent"),
        (measured(68.6), measured(68.6), "pass", None),  # holds without the mistake as well
        (measured(80.4), measured(68.6), "inconclusive", None),
        (measured(80.4), measured(60.0, 75.0), "inconclusive", None),  # it may fit
        (measured(80.4), measured(80.4), "fail", None),
    ],
)
def test_a_mistake_is_told_only_where_the_print_needs_it(project, own, right, word, finding):
    needs = need_of(project, ANALYSIS), need_of(project, ANALYSIS, "trained")
    known = stored(**{n.key: m for n, m in zip(needs, (own, right), strict=True) if m is not None})
    verdicts = judge(project, known)
    found = findings_of(project, State({}, known), verdicts)
    assert verdicts[ANALYSIS].verdict == word
    told = [one.detail for one in found if one.kind == "defective_protocol"]
    assert len(told) == (finding is not None)
    assert finding is None or told[0].endswith(finding)


def with_transform(found, transform):
    return found.model_copy(update={"facts": {**found.facts, "transform": transform}})


@pytest.mark.parametrize(
    ("trained", "meant", "told"),
    [
        (69.8, MEANT, "std 0.229, 0.224, 0.225; without it 69.8 percent"),
        (66.0, MEANT, None),
        (69.8, {**HALVES, "resize": 235}, None),  # another crop may be meant so
        (None, None, "as timm's configuration of it says; without it nothing is measured yet"),
    ],
    ids=["mistake", "holds without", "other crop", "not measured"],
)
def test_a_transform_written_out_is_held_to_what_the_model_is_evaluated_with(
    project, trained, meant, told
):
    needs = need_of(project, STATED), need_of(project, STATED, "trained")
    known = {needs[0].key: with_transform(measured(66.0), HALVES)}
    if trained is not None:
        known[needs[1].key] = with_transform(measured(trained), meant)
    known = stored(**known)
    verdicts = judge(project, known)
    assert verdicts[STATED].verdict == "pass"
    assert verdicts[STATED].agreement == ("as_printed" if told is None else "mistaken_protocol")
    found = findings_of(project, State({}, known), verdicts)
    kinds = [one.kind for one in found if STATED in one.claims]
    assert kinds == ([] if told is None else ["defective_protocol"])
    assert told is None or verdicts[STATED].detail.endswith(told)


def test_an_explanation_puts_protocols_side_by_side(project, capsys):
    own, right = need_of(project, ANALYSIS), need_of(project, ANALYSIS, "trained")
    state = State({}, stored(**{own.key: measured(68.6), right.key: measured(80.4)}))
    explain(project, state, report_on(project, state, [ANALYSIS]).entries[0])
    shown = capsys.readouterr().out
    assert "\nprotocol   as claimed: 68.600, ✓ holds (mistaken protocol)\n" in shown
    assert "\nprotocol   trained: 80.400, ✗ does not hold (better than printed)\n" in shown


def test_what_is_measured_without_a_mistake_stands_beside_it_undeclared(project, capsys):
    need = need_of(project, BOUND)
    state = State({}, stored(**{need.key: measured(68.0)}))
    explain(project, state, report_on(project, state, [BOUND]).entries[0])
    shown = capsys.readouterr().out
    assert "\nprotocol   without the mistake: not measured, ○ blocked (not measured)\n" in shown


def test_without_other_protocols_none_are_shown(project, capsys):
    state = State({}, stored(**{need_of(project, ROW).key: measured(78.2)}))
    explain(project, state, report_on(project, state, [ROW]).entries[0])
    assert "protocol" not in capsys.readouterr().out


def test_a_bound_that_holds_only_by_a_mistake_is_told_so(project):
    need = need_of(project, BOUND)
    known = stored(**{need.key: measured(68.0), need.corrected().key: measured(82.6)})
    judged = judge(project, known)[BOUND]
    assert (judged.verdict, judged.agreement) == ("pass", "mistaken_protocol")
    assert judged.detail.endswith("; without it 82.6 percent")
    assert need.corrected().key in {n.key for n in project.all_needs(project.claims[BOUND])}


def test_an_order_that_holds_only_by_a_mistake_is_a_finding(project):
    first, second = project.needs[WORSE]
    pairs = {first.key: 68.0, second.key: 80.0, first.corrected().key: 82.6}
    known = stored(**{key: measured(percent) for key, percent in pairs.items()})
    verdicts = judge(project, known)
    assert (verdicts[WORSE].verdict, verdicts[WORSE].agreement) == ("pass", "mistaken_protocol")
    found = findings_of(project, State({}, known), verdicts)
    told = [one.detail for one in found if WORSE in one.claims]
    assert len(told) == 1
    assert told[0].startswith("what is said holds, but with a mistake: images resized to 224")


def test_a_claim_about_what_a_mistake_changes_makes_none(project):
    first, second = project.needs[CHANGE]
    known = stored(**{first.key: measured(68.0), second.key: measured(82.6)})
    judged = judge(project, known)[CHANGE]
    assert (judged.verdict, judged.agreement) == ("pass", "as_printed")


def test_a_transform_that_is_the_models_own_is_no_mistake(project):
    judged = verdict(project, ROW, (need_of(project, ROW), measured(78.2)))
    assert (judged.verdict, judged.agreement) == ("pass", "as_printed")


# -- pairs of models --------------------------------------------------------------------


def test_an_order_is_told_image_by_image(project):
    first, second = project.needs[ORDER]
    sides = measured(80.0, bits=0b1110), measured(79.0, bits=0b0111)
    judged = verdict(project, ORDER, (first, sides[0]), (second, sides[1]))
    assert judged.verdict == "pass"
    told = "image by image 1 only the first has right, 1 only the second; McNemar, exact: p = 1"
    assert told in judged.detail
    judged = verdict(project, ORDER, (first, sides[1]), (second, sides[0]))
    assert judged.verdict == "fail"


def test_a_difference_is_told_image_by_image(project):
    first, second = project.needs[GAP]
    sides = measured(82.0, bits=0b111), measured(80.0, bits=0b001)
    judged = verdict(project, GAP, (first, sides[0]), (second, sides[1]))
    assert judged.verdict == "pass"
    assert "image by image 2 only the first has right, 0 only the second" in judged.detail
    other = sides[1].model_copy(update={"evidence": {**sides[1].evidence, "manifest": "other"}})
    judged = verdict(project, GAP, (first, sides[0]), (second, other))
    assert "image by image" not in judged.detail


def test_stale_parts_are_parts_still(project):
    need = need_of(project, ROW)
    known = {
        key: replace(one, stale=True) for key, one in stored(**{need.key: measured(1, 99)}).items()
    }
    assert unfinished(project, known, full=False) == {need.key}
