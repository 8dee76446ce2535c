"""The command line: every command, its JSON, its exit codes, and what it refuses."""

import json
import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.cli import main
from verify.environment import tool_version

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
S = "toyvig.toy_count.toyvig_s"
READING = (
    ["list"],
    ["show", S],
    ["doctor"],
    ["judge", "--dry-run"],
    ["judge"],
    ["all", "--dry-run"],
    ["all", "--check"],
    ["all"],
    ["all", "--fresh"],
    ["run", S],
    ["publish", "tables"],
    ["publish", "tables", "--check"],
    ["publish", "site"],
    ["ledger", "check"],
    ["ledger", "show"],
)
"""Every command that reads the ledger."""


def words(command):
    return " ".join(command)


def refused(result, code):
    """Check that a command ended with one sentence and no traceback."""
    assert result.code == code
    assert result.err.startswith("verify: ")
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err
    return result.err


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        (["list"], {"head", "counts", "claims", "findings"}),
        (["all"], {"head", "counts", "claims", "findings"}),
        (["run", S], {"head", "counts", "claims", "findings"}),
        (["judge"], {"head", "counts", "claims", "findings"}),
        (["all", "--dry-run"], {"jobs", "estimate_s", "blocked"}),
        (
            ["all", "--check"],
            {
                "verdict_would_change",
                "measurement_would_change",
                "page_would_change",
                "could_not_measure",
            },
        ),
        (["lint"], {"claims", "tables", "problems"}),
        (["doctor"], {"machine", "counts", "obstacles", "estimate_s"}),
        (["publish", "tables"], {"wrote"}),
        (["publish", "tables", "--check"], {"would_change"}),
        (["publish", "site"], {"wrote", "files", "head"}),
        (["ledger", "check"], {"head", "events"}),
    ],
    ids=lambda value: words(value) if isinstance(value, list) else "",
)
def test_every_command_writes_json_for_programs(measured, command, keys):
    result = measured.verify(*command, "--json")
    assert result.code == 0
    assert set(result.json) >= keys
    assert result.err == ""


def test_show_in_json_is_the_claim_as_the_list_has_it(measured):
    assert measured.verify("show", S, "--json").json == measured.claims()[S]


def test_ledger_show_in_json_is_one_event_a_line(measured):
    lines = measured.verify("ledger", "show", "--json").out.splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["seq"] for event in events] == list(range(len(measured.events())))
    assert {event["machine"] for event in events} == {measured.ledger.parent.name}


def test_ledger_show_selects_by_type_and_by_claim(measured):
    lines = measured.verify("ledger", "show", "--type", "measured").out.splitlines()
    assert len(lines) == 5
    assert 'toy_count {"model": "toymlp_ti"}: ok' in lines[0]
    (line,) = measured.verify("ledger", "show", "--claim", S).out.splitlines()
    assert line.endswith(f"judged {S}: pass (inside_region)")


def test_ledger_check_names_the_head_and_compares_it(measured):
    head = measured.events()[-1].sha256
    assert f"combined head {head}" in measured.verify("ledger", "check").out
    assert measured.verify("ledger", "check", "--expect-head", head[:12]).code == 0
    assert "want head" in refused(measured.verify("ledger", "check", "--expect-head", "0" * 12), 4)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["toyvig.toy_count.toyvig_*"], ["toyvig_ti", "toyvig_s", "toyvig_b", "toyvig_h"]),
        (["--source", "toynotes"], ["toymlp_ti"]),
        (["--reproduction", "arithmetic"], ["toyvig_s_over_toyvig_ti"]),
        (
            ["toyvig.*", "--reproduction", "statement,arithmetic"],
            ["toyvig_s_over_toyvig_ti", "fast"],
        ),
        (["--verdict", "fail"], ["toyold_l"]),
        (["--verdict", "fail,blocked"], ["toyold_l", "toyvig_h"]),
        (["--verdict", "error"], []),
        (
            ["toyvig.*", "--verdict", "pass", "--reproduction", "arithmetic"],
            ["toyvig_s_over_toyvig_ti"],
        ),
    ],
    ids=lambda value: words(value) if isinstance(value, list) else "",
)
def test_claims_are_selected_by_glob_source_reproduction_and_verdict(measured, arguments, found):
    claims = measured.verify("list", *arguments, "--json").json["claims"]
    named = [claim["id"].split(".", 2)[2].removesuffix(".measured") for claim in claims]
    assert list(dict.fromkeys(named)) == found


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["show", "toyvig.toy_count.toyvig_z"],
            "no claim 'toyvig.toy_count.toyvig_z'; did you mean",
        ),
        (
            ["run", "toyvig.toy_count.toyvig_z"],
            "no claim 'toyvig.toy_count.toyvig_z'; did you mean",
        ),
        (["list", "zzz*"], "no claim 'zzz*'; `verify list` shows all ids"),
        (["list", "--source", "toyvug"], "no document 'toyvug'; did you mean 'toyvig'?"),
        (["list", "--reproduction", "toy_cont"], "no claim needs a reproduction 'toy_cont'"),
        (
            ["list", "--verdict", "fial"],
            "--verdict: want a verdict, got 'fial'; did you mean 'fail'?",
        ),
        (["all", "--fail-on", "pas"], "--fail-on: want a verdict, got 'pas'; did you mean 'pass'?"),
        (["ledger", "check", "--expect-head", "xyz"], "want 12 to 64 hex digits, found 'xyz'"),
        ([], "want a command such as `verify all`, got none"),
    ],
    ids=lambda value: words(value) if isinstance(value, list) else "",
)
def test_what_does_not_exist_is_refused_with_what_may_be_meant(measured, arguments, sentence):
    assert sentence in refused(measured.verify(*arguments), 2)


@pytest.mark.parametrize(
    "arguments", [["al"], ["run"], ["show"], ["publish", "page"], ["all", "-x"]]
)
def test_a_malformed_command_line_ends_with_2_and_the_usage(measured, arguments):
    result = measured.verify(*arguments)
    assert result.code == 2
    assert result.err.startswith("usage: verify")


def test_a_folder_without_claims_is_refused(tmp_path, capsys):
    assert main(["list", "--project", str(tmp_path)]) == 2
    assert "want a folder with claims.yaml, found none" in capsys.readouterr().err


def test_the_version_is_printed(measured):
    result = measured.verify("--version")
    assert (result.code, result.out) == (0, f"verify {tool_version()}\n")


def test_help_of_every_command_is_printed(capsys):
    for command in ("all", "run", "list", "show", "lint", "doctor", "judge", "publish", "ledger"):
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        assert capsys.readouterr().out.startswith(f"usage: verify {command}")


@pytest.mark.parametrize(
    ("alarm", "code"),
    [("fail", 1), ("error", 0), ("error,blocked", 1), ("not_comparable", 0)],
)
@pytest.mark.parametrize("command", [["all"], ["judge"], ["judge", "--dry-run"]], ids=words)
def test_fail_on_alarms_exactly_when_a_claim_has_the_verdict(measured, command, alarm, code):
    assert measured.verify(*command, "--fail-on", alarm).code == code


def test_fail_on_looks_at_the_selected_claims_alone(measured):
    assert measured.verify("run", S, "--fail-on", "fail").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["show", S],
        ["lint"],
        ["doctor"],
        ["judge", "--dry-run"],
        ["all", "--dry-run"],
        ["all", "--check"],
        ["publish", "tables", "--check"],
        ["ledger", "check"],
        ["ledger", "show"],
    ],
    ids=words,
)
def test_looking_writes_nothing(measured, command):
    measured.edit("claims/toyvig.yaml", 'printed: "5.0"', 'printed: "6.0"')
    before = measured.files()
    measured.verify(*command)
    assert measured.files() == before


def change(lines):
    lines[3] = lines[3].replace(b"7.12", b"7.11", 1).replace(b"22.46", b"22.47", 1)


def drop(lines):
    del lines[3]


def swap(lines):
    lines[2:4] = lines[3], lines[2]


@pytest.mark.parametrize("damage", [change, drop, swap])
def test_a_damaged_ledger_stops_every_command_that_reads_it(measured, damage):
    lines = measured.bytes().splitlines(keepends=True)
    damage(lines)
    measured.ledger.write_bytes(b"".join(lines))
    before = measured.files()
    for command in READING:
        assert "ledger.jsonl:" in refused(measured.verify(*command), 4), command
    assert measured.files() == before
    assert measured.log() == []


def test_lint_needs_no_ledger(measured):
    measured.ledger.write_bytes(b"{}\n")
    result = measured.verify("lint")
    assert (result.code, result.out) == (0, "11 claims in 2 table columns and prose: ok\n")


def test_a_torn_last_line_is_passed_over_named_and_set_aside_by_the_next_run(measured):
    verdicts = measured.verdicts()
    measured.tear()
    torn = measured.bytes().splitlines()[-1]
    assert measured.verdicts() == verdicts
    assert measured.verify("show", S).code == 0
    assert measured.verify("ledger", "show").code == 0
    assert "a crash cut short" in refused(measured.verify("ledger", "check"), 4)
    assert measured.verify("all").code == 0
    assert measured.verify("ledger", "check").code == 0
    (note,) = measured.events("note")
    aside = measured.ledger.parent / note.body["set_aside"]
    assert aside.read_bytes() == torn
    assert measured.log() == []
    before = measured.files()
    measured.verify("all")
    assert measured.files() == before


@pytest.mark.parametrize(
    "command", [["list"], ["all"], ["publish", "tables"], ["ledger", "check"]], ids=words
)
def test_a_file_in_the_place_of_the_results_is_refused(toy, command):
    (toy.root / "results").write_text("in the way")
    assert "results: want a folder of ledgers" in refused(toy.verify(*command), 2)
    assert toy.log() == []


def test_results_that_cannot_be_written_are_refused_before_anything_is_measured(toy):
    (toy.root / "results").symlink_to("/sys")
    assert "nothing was lost" in refused(toy.verify("all"), 2)
    assert refused(toy.verify("publish", "tables"), 2)
    assert toy.log() == []


def test_a_machine_folder_that_is_a_file_is_refused_before_anything_is_measured(measured):
    folder = measured.ledger.parent
    shutil.rmtree(folder)
    folder.write_text("in the way")
    refused(measured.verify("all"), 2)
    assert measured.log() == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("claims.yaml", "schema: 1", "schema: [1"),
        ("claims.yaml", "schema: 1", "schema: 2"),
        ("claims.yaml", "[toy_counts]", "[toy_missing]"),
        ("claims/toyvig.yaml", 'printed: "5.0"', "printed: 5.0"),
        ("claims/toyvig.yaml", "kind: arithmetic", "kind: arithmetics"),
        ("claims/toyvig.yaml", "model: toymlp_ti", "model: toymlp_tu"),
        ("claims/toynotes.yaml", "source: toynotes", "- 1"),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["lint"], ["all"]], ids=words)
def test_malformed_claims_are_refused_without_traceback(toy, name, old, new, command):
    toy.edit(name, old, new)
    result = toy.verify(*command)
    assert result.code == 2
    assert "Traceback" not in result.err
    assert name.split("/")[0] in result.err
    assert not (toy.root / "results").exists()
