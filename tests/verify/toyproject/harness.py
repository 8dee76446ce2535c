"""What the tests of the command line share: a copy of the toy project, run and looked into.

Loaded by path; the tests are not a package.
"""

import importlib
import io
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import psutil
import pytest

from reproductions.artifacts import use_catalogue
from reproductions.contract import REGISTRY, SPECS
from verify.cli import main
from verify.ledger import Ledger, read_ledgers
from verify.load import load
from verify.state import package_roots

HERE = Path(__file__).parent
MODULES = ("toy_counts", "toy_old")
MODELS = ("toymlp_ti", "toyvig_ti", "toyvig_s", "toyvig_b", "toyold_l")
"""In the order they are measured."""
PATIENCE_S = 60
DYING = """
import os, signal, sys
from verify import cli, ledger

kind, number, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
append, seen = ledger.Ledger.append, 0

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def tear(file, content):
    os.write(file, content[: len(content) // 2])
    die()

def dying(self, type_, *given, **named):
    global seen
    seen += type_ == kind
    if type_ == kind and seen == number:
        if when == "before":
            die()
        if when == "midway":
            ledger._write_all = tear
        append(self, type_, *given, **named)
        die()
    return append(self, type_, *given, **named)

ledger.Ledger.append = dying
sys.exit(cli.main(sys.argv[4:]))
"""
"""``python -c DYING KIND NUMBER WHEN ...``: dies at the n-th event of a kind."""


class Result:
    """How a command ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


class Toy:
    """A copy of the toy project."""

    def __init__(self, root):
        self.root = root

    def verify(self, *arguments):
        """Run a command inside this process, as a new process would find things."""
        forget()
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main([*arguments, "--project", str(self.root)])
            except SystemExit as end:
                code = end.code
        return Result(code, out.getvalue(), err.getvalue())

    def start(self, *arguments, code=None, **options):
        """Start a command as a process of its own."""
        given = ["-c", code] if code else ["-m", "verify"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, *given, *arguments, "--project", str(self.root)]
        return subprocess.Popen(command, **{**pipes, **options})

    def process(self, *arguments, **options):
        """Run a command as a process of its own, to its end."""
        return finished(self.start(*arguments, **options))

    def project(self):
        forget()
        return load(self.root)

    def trouble(self, **kinds):
        """Make models misbehave; without any, all behave."""
        (self.root / "trouble.json").write_text(json.dumps(kinds))

    def edit(self, name, old, new):
        path = self.root / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))

    @property
    def ledger(self):
        """The path of the only ledger."""
        (path,) = (self.root / "results").glob("*/ledger.jsonl")
        return path

    def bytes(self):
        return self.ledger.read_bytes()

    def files(self):
        """Everything under ``results/`` but locks, for comparison."""
        found = (self.root / "results").rglob("*")
        return {
            path: path.read_bytes() for path in found if path.is_file() and path.suffix != ".lock"
        }

    def events(self, kind=None):
        ledgers = read_ledgers(self.root / "results")
        return [e for chain in ledgers.values() for e in chain if kind in {None, e.type}]

    def tear(self):
        """Cut the last line of the ledger short."""
        self.ledger.write_bytes(self.bytes()[:-20])

    def measured(self):
        """Name the models measured, by the ledger, oldest first."""
        return [event.body["params"]["model"] for event in self.events("measured")]

    def log(self, what="start"):
        """Name the models whose measurement started (or ended), by their own log."""
        return [words[1] for words in self._log() if words[0] == what]

    def pids(self):
        return sorted({int(words[2]) for words in self._log()})

    def _log(self):
        log = self.root / "runs.log"
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def claims(self):
        """Give all claims as ``list --json`` has them, by id."""
        return {claim["id"]: claim for claim in self.verify("list", "--json").json["claims"]}

    def verdicts(self):
        return {id_: claim["verdict"] for id_, claim in self.claims().items()}

    def once(self):
        """Tell whether every model was recorded exactly once."""
        return Counter(self.measured()) == Counter(MODELS)

    def hold(self, model):
        """Make a model's measurement last until ``release``."""
        (self.root / "hold").touch()
        self.trouble(**{model: "hold"})

    def release(self):
        (self.root / "hold").unlink()

    def append(self, kind, body):
        """Write an event by hand."""
        return Ledger(self.ledger.parent).append(kind, body, digests={}, environment={})


def forget():
    """Undo what loading a toy leaves in this process."""
    for name in MODULES:
        sys.modules.pop(name, None)
    for known in (SPECS, REGISTRY):
        for name in ("toy_count", "toy_accuracy"):
            known.pop(name, None)
    sys.path[:] = [entry for entry in sys.path if not (Path(entry) / "toy_counts.py").exists()]
    package_roots.cache_clear()
    use_catalogue(None)
    importlib.invalidate_caches()


def finished(process):
    """Wait for a process."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    return Result(process.returncode, out, err)


def wait_until(condition, what):
    """Poll; the limit is only there to end a test that hangs."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain until {what}")
        time.sleep(0.01)


def gone(pid):
    """Tell whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Keep edits of modules visible, and one test's toy out of the next."""
    # Byte code is trusted by the second; an edit within it would go unseen.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    forget()


@pytest.fixture
def toy(tmp_path):
    """A toy project nothing is measured in."""
    return _copy(HERE, tmp_path / "toy")


@pytest.fixture
def measured(tmp_path, tmp_path_factory):
    """A toy project in which everything is measured and published."""
    model = tmp_path_factory.getbasetemp() / "toy-measured"
    if not model.exists():
        made = _copy(HERE, tmp_path / "model")
        assert made.verify("all").code == 0
        assert made.verify("publish", "tables").code == 0
        (made.root / "runs.log").unlink()
        made.root.rename(model)
    return _copy(model, tmp_path / "measured")


def _copy(source, root):
    unwanted = shutil.ignore_patterns("conftest.py", "harness.py", "__pycache__", "*.lock")
    shutil.copytree(source, root, ignore=unwanted)
    return Toy(root)
