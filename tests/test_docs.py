"""What is written for people equals what the tool does."""

import argparse
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from verify.cli import _parser
from verify.load import load
from verify.publish import tables
from verify.report import report_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXCERPT = re.compile(r"<!-- excerpt -->\n(.*?)<!-- /excerpt -->", re.DOTALL)
FENCE = "```"


def commands():
    """Map every command to the words a user may type after it: options and choices."""
    parser = _parser()
    (subparsers,) = (
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    return {"": _words(parser)} | {name: _words(sub) for name, sub in subparsers.choices.items()}


def _words(parser):
    words = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        words += [option for option in action.option_strings if option.startswith("--")]
        words += [str(choice) for choice in action.choices or ()]
    return [word for word in words if word != "--help"]


@pytest.mark.parametrize("name", [name for name in commands() if name])
def test_every_command_stands_in_the_readme(name):
    assert re.search(rf"\bverify {name}\b", README)


@pytest.mark.parametrize("word", sorted({word for words in commands().values() for word in words}))
def test_every_option_stands_in_the_readme(word):
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", README)


def test_every_option_the_readme_gives_a_command_exists():
    known = commands()
    for line in README.splitlines():
        for name, rest in re.findall(r"\bverify (\w+)((?: +[^`#|]*)?)", line):
            if name in known:
                given = re.findall(r"(?<!\S)--[a-z][\w-]*", rest)
                assert set(given) <= {*known[name], *known[""], "--help"}, line


@pytest.fixture(scope="module")
def as_published(tmp_path_factory):
    """The project with its ledger as it was when the pages were made.

    Runs since then may have added events; they belong to no page yet.
    """
    (ledger,) = (ROOT / "results").glob("*/ledger.jsonl")
    head = re.search(r"head `([0-9a-f]{64})`", (ROOT / "results/README.md").read_text("utf-8"))[1]
    lines = ledger.read_text("utf-8").splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines, 1) if f'"sha256":"{head}"' in line]
    assert ends, "the head that results/README.md prints is no event of the ledger"
    root = tmp_path_factory.mktemp("published")
    shutil.copy(ROOT / "claims.yaml", root)
    shutil.copytree(ROOT / "claims", root / "claims")
    copy = root / "results" / ledger.parent.name / ledger.name
    copy.parent.mkdir(parents=True)
    copy.write_text("".join(lines[: ends[0]]), encoding="utf-8")
    project = load(root)
    report = report_of(project)
    recorded = set(re.findall(r'"packages":\{"timm":"([^"]+)"\}', copy.read_text("utf-8")))
    if recorded != {version("timm")}:
        pytest.skip("another timm than the ledger's is installed; `verify all` measures again")
    assert report.counts()["stale"] == 0, "the code has changed; run `verify all` and publish"
    return project, report


def test_excerpts_of_the_ledger_in_the_readme_are_what_it_says(as_published):
    project, _ = as_published
    lines = [line for text in EXCERPT.findall(README) for line in text.splitlines()]
    wanted = [_single_spaced(line) for line in lines if line.strip() and FENCE not in line]
    listed = subprocess.run(
        [sys.executable, "-m", "verify", "list", "--project", str(project.root)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert wanted
    assert set(wanted) <= {_single_spaced(line) for line in listed.splitlines()}


def _single_spaced(line):
    return " ".join(line.split())


def test_published_pages_equal_a_regeneration_from_the_ledger_they_name(as_published):
    project, report = as_published
    assert tables.outdated(ROOT / "results", tables.pages(project, report)) == []


def test_the_changelog_says_which_verdicts_changed():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^### Verdicts changed$", changelog, re.MULTILINE)
