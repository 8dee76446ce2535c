"""Modules of a project's own: whatever they do is a sentence or an error; the rest goes on."""

import json
import subprocess
import sys

import pytest

from verify import modules

INDEX = """schema: 1
sources:
  note:
    title: A Note on Nothing Much
    file: note.txt
    sha256: 3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea
reproductions: [own_counts]
"""
CLAIM = """  - id: note.{name}.all
    statement: There are 3.
    found_at: [{{section: "1", printed: "3"}}]
    reproduction: {name}
    params: {{}}
    convention: all
    expect: {{kind: value, printed: "3", unit: count}}
"""
MODULE = '''"""Counts of our own."""

import os
import sys
import time

from reproductions.contract import (
    Convention, Measurement, NotMeasurableError, Params, Quantity, Spec, declare, reproduction
)


class Nothing(Params):
    """Nothing to choose."""


for name in ("good", "bad"):
    declare(
        Spec(
            name=name,
            module=__name__,
            params=Nothing,
            unit="count",
            conventions=(Convention(name="all", counts="all"),),
            better="none",
            protocol=1,
            cost_s=0.1,
            time_limit_s=1.5,
            memory_limit_gib=4,
        )
    )


@reproduction
def good(params, device):
    return Measurement(values={"all": Quantity.exact(3, "count")})


@reproduction
def bad(params, device):
    BODY
'''
GOOD = "return good(params, device)"


@pytest.fixture
def project(tmp_path):
    """Make a project with a good reproduction and a bad one; give a way to run commands on it."""

    def make(body=GOOD, module=MODULE, name="own_counts"):
        (tmp_path / "claims").mkdir()
        claims = CLAIM.format(name="bad") + CLAIM.format(name="good")
        (tmp_path / "claims/note.yaml").write_text(f"source: note\nclaims:\n{claims}")
        (tmp_path / "claims.yaml").write_text(INDEX.replace("own_counts", name))
        (tmp_path / f"{name}.py").write_text(module.replace("BODY", body))

        def run(*arguments):
            command = [sys.executable, "-m", "verify", *arguments, "--project", str(tmp_path)]
            return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

        return run

    return make


@pytest.mark.parametrize(
    ("body", "verdict", "told"),
    [
        ('raise ValueError("no such luck")', "error", "ValueError: no such luck"),
        (
            'return Measurement(values={"all": Quantity.exact(float("nan"), "count")})',
            "error",
            "want a finite number of count, got nan",
        ),
        (
            'n = float("nan"); return Measurement(values={"all": {"value": n, "unit": "count"}})',
            "error",
            "Input should be a finite number",
        ),
        (
            'return Measurement(values={"all": Quantity.exact(7, "GMAC")})',
            "error",
            "bad: want all in count, as declared, got GMAC; mend either",
        ),
        ("return 3", "error", "bad: want a Measurement, got 3; return one"),
        ("return None", "error", "bad: want a Measurement, got None; return one"),
        ("sys.exit(0)", "error", "the worker ended (exit status 0)"),
        ("time.sleep(600)", "error", "no answer within the limit of 1.5 s"),
        ("import nothing_of_that_name", "error", "No module named 'nothing_of_that_name'"),
        ('raise NotMeasurableError("wants luck, found none")', "blocked", "wants luck, found none"),
        ('print("{}"); os.write(1, b"{}\\n"); ' + GOOD, "pass", ""),
    ],
    ids=[
        "raises",
        "gives NaN",
        "makes NaN",
        "another unit",
        "gives a number",
        "gives nothing",
        "exits",
        "hangs",
        "wants a package",
        "is obstructed",
        "prints",
    ],
)
def test_whatever_a_reproduction_does_the_others_are_measured(body, verdict, told, project):
    ran = project(body)("all", "--json")
    claims = {claim["id"]: claim for claim in json.loads(ran.stdout)["claims"]}
    assert claims["note.bad.all"]["verdict"] == verdict
    assert told in claims["note.bad.all"]["detail"]
    assert len(claims["note.bad.all"]["detail"].splitlines()) <= 1
    assert claims["note.good.all"]["verdict"] == "pass"
    assert ran.returncode == (3 if verdict == "error" else 0)
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("raise ValueError('no\\nluck')", "got 'own_counts' (ValueError: no luck)"),
        ("sys.exit(0)", "got 'own_counts' (SystemExit: 0)"),
        ("class Own(Exception): pass\nraise Own", "got 'own_counts' (Own: without a word)"),
        ("import nothing_of_that_name", "(No module named 'nothing_of_that_name')"),
        ("def broken(:", "got 'own_counts' (invalid syntax"),
        ("1 / 0", "(ZeroDivisionError: division by zero)"),
        ("declare(Spec(name='good'))", "(TypeError: Spec.__init__() missing"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_sentence(line, told, project):
    ran = project(module=f"{MODULE.replace('BODY', GOOD)}\n{line}\n")("lint")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(
        "verify: claims.yaml:7: reproductions.0: want an importable module"
    )
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_module_whose_import_never_ends_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(modules, "LIMIT_S", 0.2)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_without_end.py").write_text("while True:\n    pass\n")
    (tmp_path / "own_with_end.py").write_text("")
    refused = dict(modules.import_own(["own_without_end", "own_with_end"], tmp_path))
    assert list(refused) == [0]
    assert "(TimeoutError: its import did not end within 0.2 s)" in refused[0]


def test_what_a_module_prints_while_it_is_imported_does_not_reach_stdout(project):
    ran = project(module=f'{MODULE.replace("BODY", GOOD)}\nprint("hello")\n')("list", "--json")
    assert {claim["id"] for claim in json.loads(ran.stdout)["claims"]} == {
        "note.bad.all",
        "note.good.all",
    }
    assert ran.stderr == "hello\n"


def test_a_module_whose_name_is_taken_is_refused(project):
    ran = project(name="json")("lint")
    assert ran.returncode == 2
    assert (
        "want json.py beside claims.yaml, got another module of that name; rename it" in ran.stderr
    )


def test_a_module_that_declares_but_does_not_implement_is_an_error_of_its_own(project):
    module = MODULE.replace("BODY", GOOD).replace("@reproduction\ndef bad", "def bad")
    ran = project(module=module)("all", "--json")
    claims = {claim["id"]: claim for claim in json.loads(ran.stdout)["claims"]}
    assert claims["note.bad.all"]["verdict"] == "error"
    assert (
        "want a function 'bad' under @reproduction in own_counts"
        in claims["note.bad.all"]["detail"]
    )
    assert claims["note.good.all"]["verdict"] == "pass"
