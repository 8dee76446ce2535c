"""Images a second of graph statistics: ``python -m benchmarks.graph_statistics [MODEL ...]``.

Prints, for each model, milliseconds an image of a plain forward pass, of one that keeps its
graphs, and of the statistics on them, with the images a second of all together. The floor of the
statistics: every number of the graphs, the features and the pixels read once, and one product of
all pairs of nodes for each of them; it is timed as just that. On a CPU one thread runs and its
processor time counts, so that what else the machine does matters little.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from reproductions.block_statistics import Block, View, read_blocks
from reproductions.graph_measures import patches_of
from reproductions.image_sets import generated, normalized, transform_of
from reproductions.placement import class_name
from vig_models import create_model
from vig_models.classifier import Classifier
from vig_models.graph import BlockGraph

LEAST_ROUNDS = 3


def main() -> None:
    """Print a table, one row a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["vig_s"], metavar="MODEL")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=10, help="about, for each part")
    given = parser.parse_args()
    device = torch.device(given.device)
    if device.type == "cpu":
        torch.set_num_threads(1)
    print(f"{class_name(device)}, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| model | forward | with graphs | statistics | floor | images a second |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in given.models:
        parts = measure(name, given.batch, device, given.seconds)
        told = " | ".join(f"{1000 * part / given.batch:.1f} ms" for part in parts)
        print(f"| {name} | {told} | {given.batch / (parts[1] + parts[2]):.1f} |")


def measure(name: str, batch: int, device: torch.device, seconds: float) -> list[float]:
    """Time the parts for one batch: forward, with graphs, statistics, floor."""
    model = create_model(name).to(device).eval()
    images = next(generated(batch, 0, masks=True).batches(batch))
    inputs = normalized(images.pixels.to(device), transform_of("trained", name))
    draws = torch.Generator(device).manual_seed(0)
    found = model.forward_graphs(inputs, draws)

    def read() -> None:
        read_blocks(model, found, View(images, inputs, torch.Generator()))

    with torch.no_grad():
        return [
            clocked(lambda: model(inputs, draws), device, seconds),
            clocked(lambda: model.forward_graphs(inputs, draws), device, seconds),
            clocked(read, device, seconds),
            clocked(lambda: floor(model, found, inputs), device, seconds),
        ]


def floor(model: Classifier, found: list[BlockGraph], inputs: Tensor) -> None:
    """Read everything once, and multiply all pairs of nodes where pairs are asked about."""
    grids = set()
    for one in found:
        block = Block.of(model, one)
        one.graph.neighbors.sum()
        products(block.output.flatten(2).transpose(1, 2))
        products(one.graph.nodes.transpose(1, 2))
        grids.add(block.grid)
    for grid in grids:
        for _ in ("normalized", "raw"):
            products(patches_of(inputs, grid))


def products(features: Tensor) -> None:
    """Multiply all pairs, or a part of the pairs where these would not fit."""
    torch.bmm(features, features[:, :1024].transpose(1, 2))


def clocked(run: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Give the median seconds of a run, after one to warm up."""
    run()
    readings: list[float] = []
    while len(readings) < LEAST_ROUNDS or sum(readings) < seconds:
        start = now(device)
        run()
        readings.append(now(device) - start)
    return statistics.median(readings)


def now(device: torch.device) -> float:
    """Read the clock once a GPU has done what it was asked; of a CPU, its own."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


if __name__ == "__main__":
    main()
