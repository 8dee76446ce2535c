"""A project started by ``verify init`` works at once, and nothing that exists is written over."""

import json
import subprocess
import sys

import pytest

from verify.cli import main
from verify.starter import files


def run(*arguments, cwd):
    command = [sys.executable, "-m", "verify", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=60)
    return ran.returncode, ran.stdout, ran.stderr


def test_a_new_project_is_linted_grounded_covered_measured_and_published(tmp_path):
    code, out, _ = run("init", "mine", cwd=tmp_path)
    assert code == 0
    assert out.splitlines()[-1].startswith("next: cd mine, then verify lint")
    mine = tmp_path / "mine"
    assert run("lint", cwd=mine)[:2] == (0, "3 claims in 1 table columns and prose: ok\n")
    assert run("ground", "--sources", "documents", cwd=mine)[0] == 0
    assert run("coverage", "--sources", "documents", cwd=mine)[0] == 0
    code, out, _ = run("all", "--json", cwd=mine)
    claims = json.loads(out)["claims"]
    assert (code, [claim["verdict"] for claim in claims]) == (0, ["pass"] * 3)
    assert [claim["measured"]["value"] for claim in claims] == [25, 168, 1229]
    assert run("publish", "tables", cwd=mine)[0] == 0
    assert run("publish", "tables", "--check", cwd=mine)[0] == 0


def test_a_wrong_print_in_a_new_project_fails(tmp_path):
    run("init", "mine", cwd=tmp_path)
    path = tmp_path / "mine/claims/primes_note.yaml"
    path.write_text(path.read_text().replace("1,229", "1,228"))
    _, out, _ = run("all", "--json", cwd=tmp_path / "mine")
    verdicts = {claim["id"]: claim["verdict"] for claim in json.loads(out)["claims"]}
    assert verdicts["primes_note.prime_count.below_10000"] == "fail"
    code, out, _ = run("ground", "--sources", "documents", cwd=tmp_path / "mine")
    assert code == 1
    assert "misquoted: primes_note.prime_count.below_10000" in out


@pytest.mark.parametrize("name", [*files()])
def test_a_folder_that_has_a_project_or_one_of_its_files_is_left_alone(name, tmp_path, capsys):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    what = "a project" if name == "claims.yaml" else name
    assert told == f"verify: {tmp_path}: want a folder without {what}, found one; name another\n"
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


def test_a_folder_with_other_files_is_a_place_for_a_project(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["init", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == list(files())
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("where", ["claims", "results", "claims/deeper"])
def test_no_project_is_started_among_the_claims_of_another(where, tmp_path, capsys):
    assert main(["init", str(tmp_path)]) == 0
    before = sorted(tmp_path.rglob("*"))
    assert main(["init", str(tmp_path / where)]) == 2
    assert f"found it in {where.partition('/')[0]}" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["init", str(tmp_path / "docs" / "example")]) == 0


def test_a_file_in_the_folders_place_is_refused(tmp_path, capsys):
    (tmp_path / "mine").write_text("")
    assert main(["init", str(tmp_path / "mine")]) == 2
    assert "want a folder for the project, got a file" in capsys.readouterr().err


def test_what_cannot_be_written_whole_is_not_written_at_all(tmp_path, capsys):
    (tmp_path / "claims").write_text("a file where a folder is to be")
    assert main(["init", str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["claims"]
