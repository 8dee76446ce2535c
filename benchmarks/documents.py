"""Time of the commands that read documents, over all of a project's documents at once.

``python benchmarks/documents.py --sources DIR`` prints a Markdown table: ``ground`` and
``coverage`` with the claims of this repository, each in processes of its own, one warm-up first,
medians: of the time on the wall, and of the time that processors worked, which other users of the
machine disturb less. Together they have 2 s.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 9
COMMANDS = ("ground", "coverage")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, metavar="DIR", required=True)
    folder = parser.parse_args().sources.resolve()
    print("| what | time | processors | budget |\n| --- | ---: | ---: | ---: |")
    times = [timed(command, folder) for command in COMMANDS]
    for command, (seconds, worked) in zip(COMMANDS, times, strict=True):
        print(f"| verify {command} | {seconds:.2f} s | {worked:.2f} s | |")
    seconds, worked = (sum(column) for column in zip(*times, strict=True))
    print(f"| both | {seconds:.2f} s | {worked:.2f} s | 2 s |")


def timed(command: str, folder: Path) -> tuple[float, float]:
    """Give the median wall and processor seconds of a command, after one warm-up."""
    words = [sys.executable, "-m", "verify", command, "--sources", str(folder)]
    samples = []
    for _ in range(REPEATS + 1):
        started, before = time.perf_counter(), _processor_seconds()
        ran = subprocess.run(words, check=False, capture_output=True, cwd=ROOT)
        samples.append((time.perf_counter() - started, _processor_seconds() - before))
        if ran.returncode not in {0, 1}:
            raise SystemExit(ran.stderr.decode())
    wall, worked = zip(*samples[1:], strict=True)
    return statistics.median(wall), statistics.median(worked)


def _processor_seconds() -> float:
    """Add up what all processes waited for so far have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
