"""Time of every command that does not measure, and time and memory of all static claims.

``python benchmarks/commands.py`` prints a Markdown table. Each command runs in processes of
its own, one warm-up first, and the median counts; floor is an interpreter that only starts.
The project is a copy in a temporary folder, so that no ledger here is touched.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 9
BUDGETS = {
    "interpreter alone (floor)": "",
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
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copy(ROOT / "claims.yaml", project)
        shutil.copytree(ROOT / "claims", project / "claims")
        seconds, gib = watched([*verify("all"), "--project", str(project)])
        print("| what | time | budget |")
        print("|---|---:|---:|")
        print(f"| every static claim, cold | {seconds:.1f} s, {gib:.2f} GB | 30 s, 1.5 GB |")
        for name, budget in BUDGETS.items():
            print(f"| {name} | {timed(command_for(name, project)):.3f} s | {budget} |")


def verify(*arguments: str) -> list[str]:
    """Give the installed console script, beside this interpreter."""
    return [str(Path(sys.executable).with_name("verify")), *arguments]


def command_for(name: str, project: Path) -> list[str]:
    """Turn a row of the table into a command line."""
    if name.startswith("interpreter"):
        return [sys.executable, "-c", "pass"]
    _, *arguments = name.partition(",")[0].split()
    return verify(*arguments, *(() if "--help" in arguments else ("--project", str(project))))


def timed(command: list[str]) -> float:
    """Give the median wall time in seconds, after one warm-up."""
    samples = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=False, capture_output=True)
        samples.append(time.perf_counter() - started)
    return statistics.median(samples[1:])


def watched(command: list[str]) -> tuple[float, float]:
    """Give wall time in seconds and the peak resident memory of the process tree in GB."""
    peak = 0
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            try:
                parent = psutil.Process(process.pid)
                tree = [parent, *parent.children(recursive=True)]
                peak = max(peak, sum(p.memory_info().rss for p in tree))
            except psutil.Error:
                continue
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    watcher.join()
    return time.perf_counter() - started, peak / 1e9


if __name__ == "__main__":
    main()
