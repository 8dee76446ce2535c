"""What the stopwatch itself costs: ``python -m benchmarks.stopwatch [--device cuda:0]``.

It times a model that does nothing. What it reads then is in every reading; what it spends
beside that makes a session longer and no reading larger. The budget is 2 % of what is measured,
which sets the fastest pass that may be timed on this machine.
"""

import argparse
import statistics
import time

import torch
from torch import nn

from reproductions.stopwatch import clock_for

ITERATIONS = 10_000
BUDGET = 0.02


def main() -> None:
    """Print the overhead of an iteration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="as torch names it (default: cpu)")
    device = torch.device(parser.parse_args().device)
    clock, nothing = clock_for(device), nn.Identity()
    images = torch.zeros(1, device=device)
    clock.seconds(lambda: nothing(images), 1)
    start = time.perf_counter()
    readings = clock.seconds(lambda: nothing(images), ITERATIONS)
    elapsed_s = time.perf_counter() - start
    read_s, in_all_s = statistics.median(readings), elapsed_s / ITERATIONS
    print(f"read of a model that does nothing: {read_s * 1e6:.2f} us an iteration")
    print(f"spent on it in all: {in_all_s * 1e6:.2f} us an iteration")
    print(f"under {BUDGET:.0%} of a pass of {read_s / BUDGET * 1e6:.0f} us or more")


if __name__ == "__main__":
    main()
