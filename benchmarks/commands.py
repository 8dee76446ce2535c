"""Time of every command that does not measure, and time and memory of all static claims.

``python benchmarks/commands.py`` prints a Markdown table. Each command runs in processes of
its own, one warm-up first, and medians count: of the time on the wall, and of the time that
processors worked, which other users of the machine disturb less. Floors are what no command
can go below. ``--against DIR`` runs the code of another checkout, which must measure the same
way, in turn with this one's. The project is a copy in a temporary folder, so that no ledger
here is touched: without a ledger for the first row, with this one's, which must be current, for
the others.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 9
STATIC = "parameter_count,multiply_accumulates,architecture,update_rule,network_size"
"""What needs neither data nor training nor a clock; ``.ci/run`` measures the same anew."""
FLOORS = {
    "interpreter alone (floor)": "pass",
    "pydantic and PyYAML imported (floor)": "import yaml, pydantic.main",
    "claims read and checked (floor)": "import gc; gc.disable(); import pathlib, sys, verify.load; "
    "verify.load.load(pathlib.Path(sys.argv[1]))",
}
BUDGETS = {
    "verify --help": "0.06 s",
    "verify list": "0.4 s",
    "verify lint": "0.6 s",
    "verify doctor": "0.5 s",
    "verify judge --dry-run": "",
    "verify publish tables --check": "",
    "verify ledger check": "",
    "verify all, nothing stale": "1.0 s",
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout")
    other = parser.parse_args().against
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copy(ROOT / "claims.yaml", project)
        shutil.copytree(ROOT / "claims", project / "claims")
        checkouts = [ROOT] if other is None else [other.resolve(), ROOT]
        static = [*command_for("verify all", project), "--reproduction", STATIC]
        seconds, gib = watched(static, project)
        before = [] if other is None else ["before", "processors"]
        row("what", *before, "time", "processors", "budget")
        row("---", *("---:" for _ in before), "---:", "---:", "---:")
        cold = f"{seconds:.1f} s, {gib:.2f} GB"
        row("every static claim, cold", *("" for _ in before), cold, "", "30 s, 1.5 GB")
        shutil.rmtree(project / "results")
        shutil.copytree(ROOT / "results", project / "results")
        for name in (*FLOORS, *BUDGETS):
            found = timed(command_for(name, project), project, checkouts)
            times = [f"{seconds:.3f} s" for pair in found for seconds in pair]
            row(name, *times, BUDGETS.get(name, ""))


def row(*cells: str) -> None:
    """Print one row as soon as it is known."""
    print(f"| {' | '.join(cells)} |", flush=True)


def command_for(name: str, project: Path) -> list[str]:
    """Turn a row of the table into a command line."""
    if name in FLOORS:
        return [sys.executable, "-c", FLOORS[name], str(project)]
    _, *arguments = name.partition(",")[0].split()
    where = () if "--help" in arguments else ("--project", str(project))
    return [sys.executable, "-m", "verify", *arguments, *where]


def environment_of(checkout: Path) -> dict[str, str]:
    """Give the environment in which a checkout's code runs as if it were installed.

    Compiled modules are kept, as pip keeps them; else every process would compile them anew.
    """
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(checkout)}


def timed(command: list[str], folder: Path, checkouts: Sequence[Path]) -> list[tuple[float, float]]:
    """Give the median wall and processor seconds with each checkout, after one warm-up."""
    samples: list[list[tuple[float, float]]] = [[] for _ in checkouts]
    for _ in range(REPEATS + 1):
        for checkout, taken in zip(checkouts, samples, strict=True):
            started, worked = time.perf_counter(), _processor_seconds()
            # Not in a checkout: its folder would win over the code that is to be measured.
            subprocess.run(
                command, check=False, capture_output=True, cwd=folder, env=environment_of(checkout)
            )
            taken.append((time.perf_counter() - started, _processor_seconds() - worked))
    return [
        (statistics.median(s[0] for s in taken[1:]), statistics.median(s[1] for s in taken[1:]))
        for taken in samples
    ]


def _processor_seconds() -> float:
    """Add up what all processes waited for so far have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def watched(command: list[str], folder: Path) -> tuple[float, float]:
    """Give wall time in seconds and the peak memory of the process tree in GB.

    Resident memory, what several processes share counted once where the system tells it.
    """
    peak = 0
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment_of(ROOT),
    )

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            try:
                parent = psutil.Process(process.pid)
                tree = [parent, *parent.children(recursive=True)]
                peak = max(peak, sum(map(_memory_of, tree)))
            except psutil.Error:
                continue
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    watcher.join()
    return time.perf_counter() - started, peak / 1e9


def _memory_of(process: psutil.Process) -> int:
    """Read a process's share of what is resident, in bytes."""
    found = process.memory_full_info()
    share: int = getattr(found, "pss", found.rss)
    return share


if __name__ == "__main__":
    main()
