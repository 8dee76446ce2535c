"""docs/adding-a-paper.md, followed to the letter: files saved, commands typed, outputs compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "adding-a-paper.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody who does what the guide says."""

    def __init__(self, folder):
        self.folder = folder
        self.ran = []

    def save(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def type(self, line):
        """Run a command and give what it shows."""
        self.ran.append(line)
        words = shlex.split(line)
        if words[0] == "cd":
            self.folder = self.folder / words[1]
            return ""
        if words[0] == "rm":
            for name in words[1:]:
                (self.folder / name).unlink()
            return ""
        python = {"verify": [sys.executable, "-m", "verify"], "python": [sys.executable]}
        ran = subprocess.run(
            [*python[words[0]], *words[1:]],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode in {0, 1}, ran.stderr
        assert "Traceback" not in ran.stderr
        return ran.stdout


def pattern_of(shown):
    """Turn what the guide shows into a pattern: ``...`` is any number of lines."""
    lines = ("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown)
    return "".join(lines)


def console(text):
    """Yield each command of a console with the lines shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def test_the_guide_is_followed_literally(tmp_path):
    reader = Reader(tmp_path)
    for language, name, text in FENCE.findall(GUIDE):
        if name:
            reader.save(name, text)
        elif language == "console":
            for command, shown in console(text):
                said = reader.type(command)
                assert re.fullmatch(pattern_of(shown), said), f"{command}\n{said}"
        else:
            assert language == "text"
            assert text in (reader.folder / "claims/pebblenet.yaml").read_text()
    names = [line.split()[1] for line in reader.ran if line.startswith("verify")]
    used = "init lint extract lint ground coverage lint ground coverage all show publish ledger"
    assert names == used.split()
    page = reader.folder / "results/tables/pebblenet-table-1.md"
    assert "| 9,600 | 9610.00 | ✗ does not hold" in page.read_text(encoding="utf-8")


def test_what_is_not_as_shown_is_noticed():
    assert re.fullmatch(pattern_of(["a", "...", "d"]), "a\nb\nc\nd\n")
    assert not re.fullmatch(pattern_of(["a", "...", "d"]), "a\nb\nc\nd\ne\n")
    assert not re.fullmatch(pattern_of(["a.c"]), "abc\n")
