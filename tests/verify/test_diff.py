"""Two ledgers compared: verdicts that changed, which input moved, numbers beyond intervals."""

import json
import re
import shutil
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.diff import difference
from verify.errors import VerifyError
from verify.ledger import Ledger
from verify.sides import Side, side

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
L = "toyvig.toy_count.toyold_l"
S = "toyvig.toy_count.toyvig_s"


def refused(result, code=2):
    assert result.code == code
    assert result.err.startswith("verify: ")
    assert result.err.count("\n") == 1
    return result.err


def kept(toy):
    """Keep the ledger as it is now, as a side to compare with."""
    copy = toy.root / "before.jsonl"
    shutil.copy(toy.ledger, copy)
    return str(copy)


def machine(toy):
    return toy.ledger.parent.name


def differs(toy, before):
    result = toy.verify("diff", before, machine(toy), "--json")
    assert result.code == 0
    return result.json


def test_a_ledger_does_not_differ_from_itself(measured):
    found = differs(measured, kept(measured))
    assert (found["verdicts"], found["measurements"]) == ([], [])
    assert found["before"]["head"] == found["after"]["head"]
    assert measured.verify("diff", "--check", machine(measured), machine(measured)).code == 0


def test_code_that_moves_a_number_is_named(measured):
    before = kept(measured)
    measured.edit("toy_old.py", "160.2", "150.0")
    measured.verify("all")
    found = differs(measured, before)
    changes = {change["claim"]: change for change in found["verdicts"]}
    assert set(changes) == {L, f"{L}.table_iii"}
    assert changes[L]["before"] == "fail (outside_region)"
    assert changes[L]["after"] == "pass (as_printed)"
    assert changes[L]["measured_before"] == [160.2, 160.2, 160.2]
    assert changes[L]["measured_after"] == [150.0, 150.0, 150.0]
    assert changes[L]["moved"] == ["code", "the measurement of toy_count of toyold_l"]
    (moved,) = found["measurements"]
    assert (moved["params"], moved["key"]) == ({"model": "toyold_l"}, "all")
    assert (moved["before"], moved["after"]) == ([160.2] * 3, [150.0] * 3)


def test_a_claim_that_changes_is_named(measured):
    before = kept(measured)
    measured.edit("claims/toyvig.yaml", 'printed: "150.0"', 'printed: "160.2"')
    measured.verify("judge")
    (change,) = differs(measured, before)["verdicts"]
    assert (change["claim"], change["moved"]) == (L, ["the claim"])


def test_a_claim_judged_on_one_side_only_is_told(measured):
    before = kept(measured)
    measured.edit("claims/toyvig.yaml", "toyvig.statement.fast", "toyvig.statement.quick")
    measured.verify("judge")
    found = differs(measured, before)["verdicts"]
    assert [(change["claim"], change["before"], change["moved"]) for change in found] == [
        ("toyvig.statement.quick", None, ["judged on one side only"])
    ]
    back = measured.verify("diff", machine(measured), before, "--json").json["verdicts"]
    assert [(change["claim"], change["after"]) for change in back] == [
        ("toyvig.statement.quick", None)
    ]


def test_a_change_that_moves_no_number_is_no_difference(measured):
    before = kept(measured)
    measured.edit("toy_old.py", "COUNTS = {", "MORE = 1\nCOUNTS = {")
    measured.verify("all")
    assert measured.measured().count("toyold_l") == 2
    found = differs(measured, before)
    assert (found["verdicts"], found["measurements"]) == ([], [])


def test_the_text_names_both_sides_and_every_change(measured):
    before = kept(measured)
    measured.edit("toy_old.py", "160.2", "150.0")
    measured.verify("all")
    result = measured.verify("diff", before, machine(measured), "--check")
    assert result.code == 1
    assert "2 verdicts changed" in result.out
    assert f"{L}: fail (outside_region) to pass (as_printed); measured 160.2 to 150; " in result.out
    assert "1 measured number moved beyond the intervals" in result.out
    head = measured.events()[-1].sha256
    assert f"head {head}" in result.out


# -- single rules, on ledgers written by hand ---------------------------------------------------


def written(folder, *measurements, packages=None, code="c" * 64, gpu=None, outcome="ok", held=None):
    """Write a ledger of measurements ``(low, value, high)`` of one model."""
    ledger = Ledger(folder, tool="1")
    for low, value, high in measurements:
        quantity = {"value": value, "low": low, "high": high, "level": None, "unit": "ms"}
        body = {
            "key": "k",
            "reproduction": "speed",
            "params": {"model": "toy"},
            "outcome": outcome,
            "measurement": {"values": {"mean": quantity}} if outcome == "ok" else None,
            "duration_s": 1.0,
        }
        digests = {"code": code, "packages": packages or {}, "protocol": 1, **(held or {})}
        ledger.append("measured", body, digests=digests, environment={"gpu": gpu})
    return Side(folder.name, {folder.name: ledger.events()})


@pytest.mark.parametrize(
    ("after", "moves"),
    [
        ((11.0, 12.0, 13.0), False),
        ((11.1, 12.0, 13.0), True),
        ((7.0, 8.0, 9.0), False),
        ((7.0, 8.0, 8.9), True),
        ((9.5, 10.0, 10.5), False),
    ],
    ids=["touching above", "above", "touching below", "below", "inside"],
)
def test_a_number_moves_only_where_the_intervals_have_nothing_in_common(tmp_path, after, moves):
    before = written(tmp_path / "a", (9.0, 10.0, 11.0))
    found = difference(before, written(tmp_path / "b", after))
    assert bool(found.measurements) is moves


def test_the_last_measurement_of_a_side_counts(tmp_path):
    before = written(tmp_path / "a", (1.0, 1.0, 1.0), (5.0, 5.0, 5.0))
    assert not difference(before, written(tmp_path / "b", (5.0, 5.0, 5.0))).measurements


def test_packages_code_and_cards_that_differ_are_named(tmp_path):
    before = written(tmp_path / "a", (1.0, 1.0, 1.0), packages={"timm": "1.0"})
    after = written(
        tmp_path / "b", (2.0, 2.0, 2.0), packages={"timm": "1.1"}, code="d" * 64, gpu={"name": "H"}
    )
    (change,) = difference(before, after).measurements
    assert change.moved == ("code", "timm 1.0 to 1.1", "gpu None to H")


def test_weights_and_data_that_differ_are_named(tmp_path):
    before = written(tmp_path / "a", (1.0, 1.0, 1.0), held={"toy_weights": "a" * 64})
    after = written(tmp_path / "b", (2.0, 2.0, 2.0), held={"toy_weights": "b" * 64, "toys": "c"})
    (change,) = difference(before, after).measurements
    assert change.moved == ("toy_weights", "toys")


@pytest.mark.parametrize(("code", "changes"), [("c" * 64, 0), ("d" * 64, 1)], ids=["same", "other"])
def test_what_could_not_be_measured_takes_no_measurements_place_unless_code_moved(
    tmp_path, code, changes
):
    before = written(tmp_path / "a", (1.0, 1.0, 1.0))
    written(tmp_path / "b", (1.0, 1.0, 1.0))
    after = written(tmp_path / "b", (1.0, 1.0, 1.0), outcome="blocked", code=code)
    assert len(difference(before, after).measurements) == changes


def test_another_outcome_is_a_change(tmp_path):
    before = written(tmp_path / "a", (1.0, 1.0, 1.0))
    after = written(tmp_path / "b", (1.0, 1.0, 1.0), outcome="error")
    (change,) = difference(before, after).measurements
    assert (change.before, change.after, change.key) == ("ok", "error", "")


# -- what a side may be -------------------------------------------------------------------------


@pytest.fixture
def committed(measured):
    """The toy under version control, its ledger committed twice."""

    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", *who, *arguments]
        ran = subprocess.run(command, cwd=measured.root, check=True, capture_output=True, text=True)
        return ran.stdout.strip()

    git("init", "--quiet", "--initial-branch", "trunk")
    git("add", "claims.yaml")
    git("commit", "--quiet", "-m", "without a ledger")
    git("tag", "empty")
    git("add", "-A")
    git("commit", "--quiet", "-m", "with one")
    git("tag", "first")
    measured.edit("toy_old.py", "160.2", "150.0")
    measured.verify("all")
    git("add", "-A")
    git("commit", "--quiet", "-m", "changed")
    return measured


@pytest.mark.parametrize(
    ("before", "after"),
    [("first", "trunk"), ("HEAD~1", "HEAD"), ("first", "results"), ("first", ".")],
)
def test_commits_are_compared(committed, monkeypatch, before, after):
    monkeypatch.chdir(committed.root)
    found = committed.verify("diff", before, after, "--json").json
    assert [change["claim"] for change in found["verdicts"]] == [L, f"{L}.table_iii"]


def test_a_branch_called_as_a_folder_is_still_found(committed):
    subprocess.run(["git", "branch", "claims"], cwd=committed.root, check=True)
    assert committed.verify("diff", "claims", "trunk", "--json").json["verdicts"] == []


def test_a_commit_without_a_ledger_is_refused(committed):
    assert "want a ledger below results/, found none" in refused(
        committed.verify("diff", "empty", "trunk")
    )


@pytest.mark.parametrize("name", ["nothing", "", "\0", "../none", "HEAD:claims.yaml"])
def test_what_is_no_side_is_refused(committed, name):
    assert "found none of them; correct it" in refused(committed.verify("diff", name, "trunk"))


@pytest.mark.parametrize("name", ["--output=x", "-h", "--git-dir=/"])
def test_an_option_in_the_place_of_a_commit_never_reaches_git(committed, name):
    with pytest.raises(VerifyError, match="found none of them; correct it"):
        side(committed.root, name)
    assert not (committed.root / "x").exists()


def test_a_damaged_ledger_is_named_as_it_was_asked_for(measured):
    before = Path(kept(measured))
    before.write_bytes(before.read_bytes().replace(b"160.2", b"160.3", 1))
    err = refused(measured.verify("diff", str(before), machine(measured)), 4)
    assert re.match(rf"verify: {before}:\d+: want", err)


def test_a_damaged_ledger_of_a_commit_is_named_by_its_path_there(committed):
    content = committed.ledger.read_bytes()
    committed.ledger.write_bytes(content.replace(b"160.2", b"160.3", 1))
    for arguments in (("add", "-A"), ("commit", "--quiet", "-m", "damaged")):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=committed.root, check=True)
    err = refused(committed.verify("diff", "trunk", "first"), 4)
    name = f"results/{machine(committed)}/ledger.jsonl"
    assert re.match(rf"verify: commit 'trunk', {name}:\d+: want", err)


def test_the_ledgers_of_two_machines_are_compared(measured):
    shutil.copytree(measured.ledger.parent, measured.root / "results" / "other")
    result = measured.verify("diff", "other", machine_of(measured), "--json")
    assert json.loads(result.out)["verdicts"] == []


def machine_of(toy):
    return next(path.name for path in (toy.root / "results").glob("cpu*"))
