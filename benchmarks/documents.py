"""Time of the commands that read documents, over all of a project's documents at once.

``python benchmarks/documents.py --sources DIR`` prints a Markdown table: ``ground`` and
``coverage`` with the claims of this repository, each in processes of its own, one warm-up first,
medians. Together they have 2 s.
"""

import argparse
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
    print("| what | time | budget |\n| --- | ---: | ---: |")
    times = [timed(command, folder) for command in COMMANDS]
    for command, seconds in zip(COMMANDS, times, strict=True):
        print(f"| verify {command} | {seconds:.2f} s | |")
    print(f"| both | {sum(times):.2f} s | 2 s |")


def timed(command: str, folder: Path) -> float:
    """Give the median seconds of a command, after one warm-up."""
    words = [sys.executable, "-m", "verify", command, "--sources", str(folder)]
    samples = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        ran = subprocess.run(words, check=False, capture_output=True, cwd=ROOT)
        samples.append(time.perf_counter() - started)
        if ran.returncode not in {0, 1}:
            raise SystemExit(ran.stderr.decode())
    return statistics.median(samples[1:])


if __name__ == "__main__":
    main()
