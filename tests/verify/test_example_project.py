"""The example project end to end: verdicts, their cause, and what a missing package makes of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_iris, load_wine

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example-project"
FAILS = {
    "data_note.column_statistic.sepal_width.mean",
    "data_note.class_correlation.sepal_width",
}
AMBIGUOUS = {
    "data_note.column_statistic.sepal_width.deviation",
    "data_note.column_statistic.petal_length.deviation",
}
UNSETTLED = {"data_note.leave_one_out.rda", "data_note.leave_one_out.nearest_neighbor"}


@pytest.fixture
def project(tmp_path):
    shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("results"))
    return tmp_path / "example"


def verify(project, *arguments, **variables):
    command = [sys.executable, "-m", "verify", "--project", str(project), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | variables,
    )


def claims_of(ran):
    return {claim["id"]: claim for claim in json.loads(ran.stdout)["claims"]}


def test_its_claims_are_well_formed_grounded_and_cover_every_number(project):
    documents = str(project / "documents")
    assert verify(project, "lint").returncode == 0
    assert verify(project, "ground", "--sources", documents).returncode == 0
    assert verify(project, "coverage", "--sources", documents).returncode == 0


def test_its_verdicts_are_those_its_readme_shows(project):
    ran = verify(project, "all")
    assert ran.returncode == 0
    readme = (EXAMPLE / "README.md").read_text()
    shown = [line for line in readme.splitlines() if line.startswith("data_note.")]
    assert len(shown) == 6
    assert set(shown) <= set(ran.stdout.splitlines())
    verdicts = {
        id_: claim["verdict"] for id_, claim in claims_of(verify(project, "list", "--json")).items()
    }
    assert {id_ for id_, verdict in verdicts.items() if verdict == "fail"} == FAILS
    assert {id_ for id_, verdict in verdicts.items() if verdict == "inconclusive"} == AMBIGUOUS
    assert {id_ for id_, verdict in verdicts.items() if verdict == "not_checkable"} == UNSETTLED
    assert sum(verdict == "pass" for verdict in verdicts.values()) == 21
    assert (
        "Of 27 claims 21 hold, 2 do not, 2 hang on a convention, and 2 no program settles" in readme
    )


def test_with_the_two_wrong_plants_every_figure_of_iris_holds(project):
    path = project / "shipped_data.py"
    loaded = 'iris = sklearn("datasets").load_iris()'
    wrong = "iris.data[[34, 37]] = (4.9, 3.1, 1.5, 0.1)"
    text = path.read_text()
    assert loaded in text
    path.write_text(text.replace(loaded, f"{loaded}\n    {wrong}"))
    claims = claims_of(verify(project, "run", "*.petal_*", "*.sepal_*", "--json"))
    assert {claim["verdict"] for claim in claims.values()} == {"pass"}
    assert len(claims) == 20


def test_without_the_package_its_claims_are_blocked_and_say_what_would_help(project, tmp_path):
    (tmp_path / "none" / "sklearn").mkdir(parents=True)
    (tmp_path / "none/sklearn/__init__.py").write_text("raise ImportError('none here')")
    ran = verify(project, "all", "--json", PYTHONPATH=str(tmp_path / "none"))
    claims = claims_of(ran)
    assert ran.returncode == 0
    claim = claims["data_note.data_size.iris"]
    assert claim["verdict"] == "blocked"
    assert "wants scikit-learn, found none (none here); pip install scikit-learn" in claim["detail"]
    assert claims["data_note.arithmetic.iris_classes"]["verdict"] == "pass"
    assert {claim["verdict"] for claim in claims.values()} == {"blocked", "pass", "not_checkable"}


def test_every_figure_stands_where_the_project_says_it_is_printed():
    iris, wine = load_iris().DESCR, load_wine().DESCR
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (EXAMPLE / "documents/data_note.md").read_text().splitlines()
        if re.match(r"\| .*\d", line)
    ]
    assert len(rows) == 8
    for label, *cells in rows[:4]:
        assert re.search(rf"^{label}: +{' +'.join(map(re.escape, cells))}\b", iris, re.MULTILINE)
    for (_, cell), name in zip(rows[4:], ("RDA :", "QDA", "LDA", "1NN"), strict=True):
        assert f"{name} {cell}%" in wine
    assert "Number of Instances: 150 (50 in each of three classes)" in iris
    assert "Number of Instances: 178" in wine
