"""What this machine can settle now, and what would unblock the rest."""

from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.doctor import _input, obstacles_of
from verify.environment import machine_slug, package_version
from verify.report import report_on
from verify.state import State
from verify.verdict import Verdict
from verify.wording import obstacle_lines

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, never_run, measured = harness.clean, harness.toy, harness.measured
OLD = ["toyvig.toy_count.toyold_l", "toyvig.toy_count.toyold_l.table_iii"]
LARGE = "toyvig.toy_count.toyvig_h"
TWIN = "toyvig.arithmetic.toyvig_s_over_toyvig_ti.measured"


def doctor(project):
    """Give what the doctor says of a toy project; it always ends with 0."""
    result = project.verify("doctor", "--json")
    assert (result.code, result.err) == (0, "")
    return result.json


def obstacles(project):
    return {(o["kind"], o["what"]): o["claims"] for o in doctor(project)["obstacles"]}


# -- counts and obstacles ----------------------------------------------------------------


def test_decided_claims_are_counted_and_the_others_each_stand_in_a_group(measured):
    found = doctor(measured)
    counts = found["counts"]
    assert (counts["claims"], counts["decided"], counts["pass"], counts["fail"]) == (11, 8, 7, 1)
    undecided = [id_ for id_, word in measured.verdicts().items() if word not in {"pass", "fail"}]
    listed = [id_ for obstacle in found["obstacles"] for id_ in obstacle["claims"]]
    assert sorted(listed) == sorted(undecided)


def test_what_stands_in_the_way_is_named_with_a_command(measured):
    found = {o["kind"]: o for o in doctor(measured)["obstacles"]}
    assert found["model"] == {
        "kind": "model",
        "what": "toyvig_h",
        "claims": [LARGE],
        "command": "verify all",
    }
    assert found["undecided"]["claims"] == [TWIN]
    assert found["undecided"]["command"] == "verify list --verdict inconclusive"
    assert found["not_checkable"]["what"] == "no program"


def test_a_project_never_run_waits_for_a_run_first_of_all(never_run):
    found = doctor(never_run)
    first = found["obstacles"][0]
    assert (first["kind"], first["command"]) == ("not_measured", "verify all")
    assert found["counts"]["to_measure"] == len(harness.MODELS)
    assert found["counts"]["undecided_to_measure"] == len(first["claims"]) == 8
    assert found["estimate_s"] > 0
    assert never_run.log() == []
    assert not (never_run.root / "results").exists()


def test_a_run_leaves_nothing_to_measure(measured):
    assert doctor(measured)["counts"]["to_measure"] == 0
    assert "`verify all` has nothing to measure here" in measured.verify("doctor").out


def test_stale_verdicts_are_a_group_that_says_what_changed(measured):
    measured.edit("toy_old.py", "150.0", "150.5")
    assert obstacles(measured)["stale", "changed since: code"] == OLD
    counts = doctor(measured)["counts"]
    assert (counts["stale"], counts["decided"], counts["to_measure"]) == (2, 8, 1)
    assert counts["undecided_to_measure"] == 0


def test_an_input_that_is_missing_is_told_by_what_the_reproduction_wants(never_run):
    never_run.trouble(toymlp_ti="block")
    never_run.verify("all")
    found = obstacles(never_run)["weights", "the toy weights"]
    assert sorted(found) == ["toynotes.toy_count.toymlp_ti", "toyvig.toy_count.toymlp_ti"]


def test_what_was_blocked_on_another_machine_is_tried_on_this_one(never_run):
    never_run.trouble(toymlp_ti="block")
    never_run.verify("all")
    assert doctor(never_run)["counts"]["to_measure"] == 0
    never_run.ledger.parent.rename(never_run.root / "results" / "elsewhere")
    counts = doctor(never_run)["counts"]
    assert (counts["to_measure"], counts["undecided_to_measure"]) == (1, 2)


def test_an_error_of_our_own_is_an_obstacle_that_another_run_may_take_away(never_run):
    never_run.trouble(toyold_l="raise")
    never_run.verify("all")
    (found,) = [o for o in doctor(never_run)["obstacles"] if o["kind"] == "error"]
    assert "the toy is broken" in found["what"]
    assert (found["claims"], found["command"]) == (OLD, "verify all")


@pytest.mark.parametrize(
    ("sentence", "elsewhere", "found"),
    [
        (
            "a.b.c: wants a CUDA device, found none; run on a machine with a GPU",
            False,
            ("device", "a CUDA device", "verify all"),
        ),
        (
            "want the ImageNet-1k validation images, found none; `verify fetch imagenet` has them",
            False,
            ("data", "the ImageNet-1k validation images", "verify fetch imagenet"),
        ),
        (
            "wants the checkpoint toy.pth, found none; run `verify fetch toy.pth`",
            False,
            ("weights", "the checkpoint toy.pth", "verify fetch toy.pth"),
        ),
        (
            "wants the checkpoint toy.pth, found none; run `verify fetch toy.pth`",
            True,
            ("weights", "the checkpoint toy.pth", "verify all"),
        ),
        (
            "operation a::b: want a formula, found none; add one",
            False,
            ("not_measurable", "operation a::b: want a formula, found none; add one", "verify all"),
        ),
        (
            "does not run on a CUDA device",
            False,
            ("not_measurable", "does not run on a CUDA device", "verify all"),
        ),
    ],
)
def test_the_words_of_a_reproduction_tell_what_it_could_not_do_without(sentence, elsewhere, found):
    assert _input(sentence, elsewhere=elsewhere) == found


def test_a_claim_that_waits_for_weights_and_data_stands_under_both(toy):
    detail = (
        "wants weights vig_s (ViG-S), found none in the cache; run `verify fetch vig_s`; wants the "
        "data set imagenet_val (50,000 images), found none; sign in; then run `verify fetch "
        "imagenet_val --from FILE`"
    )
    id_ = toy.row("7")
    blocked = Verdict(verdict="blocked", reason="not_measurable", detail=detail)
    found = [(o.kind, o.what, o.command) for o in grouped(toy, {id_: blocked})]
    assert found == [
        ("weights", "weights vig_s (ViG-S)", "verify fetch vig_s"),
        (
            "data",
            "the data set imagenet_val (50,000 images)",
            "verify fetch imagenet_val --from FILE",
        ),
    ]


# -- with claims of our own --------------------------------------------------------------


def grouped(toy, verdicts=None):
    """Group the claims of a toy, some of them under other verdicts than the judge's."""
    state = State({}, toy.stored)
    report = report_on(toy.project, state)
    entries = tuple(
        replace(e, verdict=(verdicts or {}).get(e.claim.id, e.verdict)) for e in report.entries
    )
    return obstacles_of(toy.project, state, replace(report, entries=entries))


def test_a_claim_that_waits_for_two_models_stands_under_both(toy):
    one, other = toy.row("7", "a_unwritten"), toy.row("2", "b_unwritten")
    ratio = toy.arithmetic("3.5", {"ratio": {"of": one, "over": other}})
    found = {o.what: o.claims for o in grouped(toy) if o.kind == "model"}
    assert found == {
        "a_unwritten": (one, f"{ratio}.measured"),
        "b_unwritten": (other, f"{ratio}.measured"),
    }
    assert any(
        line.startswith("    3  wait for a model to be written: a_unwritten (2), b_unwritten (2);")
        for line in obstacle_lines(grouped(toy))
    )


@pytest.mark.parametrize(
    ("reason", "detail", "kind", "what"),
    [
        ("no_reproduction", "no reproduction named speed yet (model a)", "reproduction", "speed"),
        ("no_reproduction", "speed of a: no reproduction named speed yet", "reproduction", "speed"),
        ("no_moonlight", "the moon is down", "no_moonlight", "the moon is down"),
    ],
)
def test_reasons_unknown_here_group_by_themselves(toy, reason, detail, kind, what):
    ids = (toy.row("7"), toy.row("8", "toyvig_m"))
    blocked = Verdict(verdict="blocked", reason=reason, detail=detail)
    (found,) = grouped(toy, dict.fromkeys(ids, blocked))
    assert (found.kind, found.what, found.claims) == (kind, what, ids)


def test_rows_that_wait_for_their_siblings_are_not_undecided_for_good(toy):
    one, other = toy.row("7.0", "toyvig_s"), toy.row("9.0", "toyvig_m")
    toy.measured("toyvig_s", all=7.4, trainable=7.0)
    found = {(o.kind, o.what): o.claims for o in grouped(toy)}
    assert found == {
        ("not_measured", "sibling rows (family incomplete)"): (one,),
        ("not_measured", "the measurement itself"): (other,),
    }


def test_obstacles_come_biggest_first(toy):
    toy.row("7", "a_unwritten")
    for model in ("toyvig_s", "toyvig_m"):
        toy.row("7", model)
    assert [(o.kind, len(o.claims)) for o in grouped(toy)] == [("not_measured", 2), ("model", 1)]


@pytest.mark.parametrize(
    ("here", "command"), [("toy", "verify fetch toy.pth"), ("another", "verify all")]
)
def test_what_another_machine_lacked_is_first_tried_here(toy, monkeypatch, here, command):
    monkeypatch.setattr("verify.doctor.machine_slug", lambda: here)
    toy.row("7.0")
    toy.outcome("toyvig_s", "blocked", reason="wants weights, found none; `verify fetch toy.pth`")
    (found,) = grouped(toy)
    assert (found.kind, found.what, found.command) == ("weights", "weights", command)


def test_no_claim_in_the_way_makes_no_line(toy):
    toy.row("7.0")
    toy.measured(all=7.0)
    assert obstacle_lines(grouped(toy)) == []


def test_a_long_list_of_things_is_cut_and_counted(toy):
    for number in range(8):
        toy.row("7", f"m{number}_unwritten")
    (line,) = obstacle_lines(grouped(toy))[2:]
    assert line.startswith("    8  wait for a model to be written: m0_unwritten (1), ")
    assert line.endswith("m5_unwritten (1) and 2 more; then `verify all`")


# -- the machine -------------------------------------------------------------------------


def test_the_machine_is_named_with_its_ledgers_and_its_disk(measured):
    machine = doctor(measured)["machine"]
    assert machine["name"] == machine_slug()
    assert machine["ledgers"] == [
        {"machine": machine_slug(), "events": len(measured.events()), "torn": False}
    ]
    assert machine["results"]["writable"] is True
    assert machine["results"]["free_gib"] > 0


def test_packages_are_compared_with_those_the_ledger_was_measured_with(measured, monkeypatch):
    installed = {p["name"]: p for p in doctor(measured)["machine"]["packages"]}
    assert list(installed) == ["pyyaml", "timm", "torch"]
    assert installed["pyyaml"]["supplies_models"]
    assert not installed["torch"]["supplies_models"]
    assert {p["same"] for p in installed.values()} == {True}
    monkeypatch.setattr("verify.doctor.package_version", lambda name: "0.0.1")
    found = {p["name"]: p for p in doctor(measured)["machine"]["packages"]}
    assert {p["same"] for p in found.values()} == {False}
    before = package_version("torch")
    line = f"torch 0.0.1: the ledger was measured with {before}"
    assert line in measured.verify("doctor").out


def test_packages_nothing_was_measured_with_are_neither_the_same_nor_others(never_run):
    packages = doctor(never_run)["machine"]["packages"]
    assert [(p["name"], p["same"]) for p in packages] == [("timm", None), ("torch", None)]
    assert "nothing is measured with it yet" in never_run.verify("doctor").out


def test_a_torn_ledger_is_named_and_left_alone(measured):
    measured.tear()
    before = measured.files()
    assert [ledger["torn"] for ledger in doctor(measured)["machine"]["ledgers"]] == [True]
    assert "its last line is torn" in measured.verify("doctor").out
    assert measured.files() == before


def test_results_that_cannot_be_written_are_named(never_run):
    (never_run.root / "results").symlink_to("/sys")
    disk = doctor(never_run)["machine"]["results"]
    assert disk["writable"] is False
    assert f"results: not writable: {disk['because']}" in never_run.verify("doctor").out


def test_a_person_reads_counts_then_obstacles_then_the_machine(measured):
    lines = measured.verify("doctor").out.splitlines()
    assert lines[0] == "8 of 11 claims are decided: 7 hold, 1 do not; 0 verdicts are stale"
    start = lines.index("In the way, most claims first:")
    end = lines.index(f"This machine: {machine_slug()}")
    assert sorted(lines[start + 1 : end - 1]) == [
        "    1  undecided for good, no program settles them: no program (1); "
        "`verify list --verdict not_checkable`",
        "    1  undecided for good: convention ambiguous (1); `verify list --verdict inconclusive`",
        "    1  wait for a model to be written: toyvig_h (1); then `verify all`",
    ]


def test_a_planned_reproduction_is_named_and_its_table_is_published(measured):
    measured.edit(
        "claims.yaml",
        "planned_models:",
        "planned_reproductions: {toy_speed: {unit: images/s, better: higher}}\n\nplanned_models:",
    )
    measured.edit(
        "claims/toyvig.yaml",
        "\nclaims:\n",
        '\n  - table: {table: "IV", column: Speed}\n    title: Fast toys\n'
        '    statement: "{row} handles {printed} images per second."\n'
        "    reproduction: toy_speed\n    params: {batch: 1}\n"
        "    expect: {kind: value, unit: images/s}\n"
        '    rows:\n      "ToyViG-S": {printed: "28.4", model: toyvig_s}\n'
        '      "ToyViG-B": {printed: "15.3", model: toyvig_b}\n\nclaims:\n',
    )
    found = obstacles(measured)["reproduction", "toy_speed"]
    assert found == ["toyvig.toy_speed.toyvig_s", "toyvig.toy_speed.toyvig_b"]
    assert measured.verify("publish", "tables").code == 0
    page = (measured.root / "results/tables/toyvig-table-iv.md").read_text()
    assert "| ToyViG-S | 28.4 | not measured |" in page
