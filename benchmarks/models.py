"""Time and memory of a forward pass: published form, fast form, and the floor without a graph.

``python benchmarks/models.py [PATTERN ...]`` prints a Markdown table, one row a variant. All
forms have the same weights and images and run in turn, round by round, so that what disturbs the
machine disturbs all of them; medians count. A ratio is the median of the ratios of the rounds,
with a 95 % bootstrap interval. The column A/A sets the fast form against itself: what it
shows is noise. The floor is the fast form with its graph work taken out: convolutions and matrix
products of the same sizes, with nodes in place of what neighbors would bring. Memory is what the
tensors of a pass take at most beyond weights and images, by count. ``--channels-last``
and ``--bfloat16`` (autocast) give the same table for that layout and precision.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MethodType

import numpy as np
import torch
from torch import Tensor, nn

from reproductions.live_bytes import LiveBytes
from vig_models import create_model, list_models
from vig_models.classifier import Classifier

LEAST_ROUNDS = 3
RESAMPLES = 2000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", default=["*"], metavar="PATTERN")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=20, help="about, for each variant")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--bfloat16", action="store_true", help="autocast")
    given = parser.parse_args()
    setting = Setting(given.batch, given.device, given.channels_last, given.bfloat16)
    names = sorted({name for pattern in given.patterns for name in list_models(pattern)})
    print(
        f"{describe(given.device)}, torch {torch.__version__}, {setting}, "
        f"{torch.get_num_threads()} threads\n"
    )
    row("variant", "published", "fast", "published / fast", "A/A", "fast / floor", "memory")
    row("---", *6 * ["---:"])
    speedups, floors = [], []
    for name in names:
        if name.startswith("pvt_"):
            continue  # no graph: both forms are one
        speedup, floor = compare(name, setting, given.seconds)
        speedups.append(speedup)
        floors.append(floor)
    row("geometric mean", "", "", f"{mean(speedups):.2f}", "", f"{mean(floors):.2f}", "")


@dataclass(frozen=True)
class Setting:
    """On what, and how, every form runs."""

    batch: int
    device: str
    channels_last: bool
    bfloat16: bool

    def __str__(self) -> str:
        """Name it as the head of the table does."""
        precision = "autocast to bfloat16" if self.bfloat16 else "float32"
        layout = ", channels last" if self.channels_last else ""
        return f"{precision}{layout}, batch {self.batch}"

    def model(self, name: str, implementation: str) -> Classifier:
        """Build a variant in evaluation mode."""
        model = create_model(name, implementation=implementation).to(self.device).eval()
        return model.to(memory_format=torch.channels_last) if self.channels_last else model

    def images(self) -> Tensor:
        """Draw a batch."""
        images = torch.randn(self.batch, 3, 224, 224, device=self.device)
        return images.to(memory_format=torch.channels_last) if self.channels_last else images

    def timed(self, model: nn.Module, images: Tensor) -> float:
        """Run once, from the same seed; return seconds."""
        torch.manual_seed(1)
        synchronize(images.device)
        start = time.perf_counter()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bfloat16):
            model(images)
        synchronize(images.device)
        return time.perf_counter() - start


@torch.inference_mode()
def compare(name: str, setting: Setting, seconds: float) -> tuple[float, float]:
    """Print the row of a variant; return its speed-up and its distance from the floor."""
    torch.manual_seed(0)
    published = setting.model(name, "published")
    fast, floor = setting.model(name, "fast"), setting.model(name, "fast")
    for model in (fast, floor):
        model.load_state_dict(published.state_dict())
    take_graph_out(floor)
    images = setting.images()
    sizes = [memory(model, images, setting) for model in (published, fast)]
    times: list[list[float]] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_ROUNDS or time.perf_counter() < end:
        times.append([setting.timed(model, images) for model in (published, fast, fast, floor)])
    own = [statistics.median(column) for column in zip(*times, strict=True)]
    speedup, low, high = ratio([each[0] / each[1] for each in times])
    again = ratio([each[2] / each[1] for each in times])
    above = ratio([each[1] / each[3] for each in times])
    row(
        name,
        f"{1e3 * own[0]:.0f} ms",
        f"{1e3 * own[1]:.0f} ms",
        f"{speedup:.2f} ({low:.2f} to {high:.2f})",
        f"{again[0]:.2f} ({again[1]:.2f} to {again[2]:.2f})",
        f"{above[0]:.2f}",
        " → ".join(f"{size / 2**20:.0f} MiB" for size in sizes),
    )
    return speedup, above[0]


@torch.inference_mode()
def memory(model: nn.Module, images: Tensor, setting: Setting) -> int:
    """Run once and return the bytes that its tensors took at most, weights and images aside."""
    if images.is_cuda:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        setting.timed(model, images)
        return torch.cuda.max_memory_allocated() - before
    with LiveBytes() as live:
        setting.timed(model, images)
    return live.peak


def ratio(ratios: list[float]) -> tuple[float, float, float]:
    """Return the median and a bootstrap interval of it."""
    drawn = np.random.default_rng(0).choice(ratios, (RESAMPLES, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return statistics.median(ratios), float(low), float(high)


def mean(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(statistics.fmean(map(math.log, ratios)))


def synchronize(device: torch.device) -> None:
    """Wait for what runs on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def describe(device: str) -> str:
    """Name the GPU, or say that it is a CPU."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "CPU"


def row(*cells: str) -> None:
    """Print a row of the table at once."""
    print("| " + " | ".join(cells) + " |", flush=True)


# Without a graph: what each layer with a graph computes then, by the name of its class.


def _only_update(layer: nn.Module, x: Tensor, *_: object) -> Tensor:
    nodes = x.flatten(2).transpose(1, 2)  # (B, N, C)
    paired = torch.stack((nodes, nodes), dim=-1).flatten(2)
    return layer.update(paired.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2))


def _three_times(layer: nn.Module, x: Tensor) -> Tensor:
    nodes = x.flatten(2).transpose(1, 2)  # (B, N, C)
    read = torch.cat((nodes, nodes, nodes), dim=-1)
    return layer.update(read.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2))


def _first_nodes(layer: nn.Module, nodes: Tensor, num_hyperedges: int, _: object) -> Tensor:
    rows = nodes.transpose(1, 2)[:, None].permute(0, 3, 1, 2)  # (B, C, 1, N)
    layer.to_hyperedges(rows[..., :num_hyperedges])
    return layer.to_nodes(rows)[:, :, 0]


def _own_number(grapher: nn.Module, *_: object) -> tuple[int, None]:
    return grapher.num_hyperedges, None


def _one_cluster(grapher: nn.Module, x: Tensor, _: object = None) -> Tensor:
    features = grapher.fc1(grapher.cpe(x))
    rows = features.flatten(2).transpose(1, 2).flatten(0, 1)  # (B * N, C)
    aware = grapher.attend(rows[None, : grapher.num_partitions])[0, :1].expand_as(rows)
    paired = torch.stack((rows, rows), dim=2).flatten(1)
    updated = grapher.graph_conv.vertex(torch.cat((paired, aware), dim=1))
    as_map = updated.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)
    return grapher.fc2(as_map) + x


def _nobody(_: nn.Module, *__: object) -> None:
    return None


def _itself(_: nn.Module, x: Tensor) -> Tensor:
    return x


def replacements(model: Classifier) -> Iterator[tuple[nn.Module, str, Callable[..., object]]]:
    """Yield a layer, the name of its method and what stands in for it."""
    for layer in model.modules():
        match type(layer).__name__:
            case "FastMaxRelativeConv":
                yield layer, "forward", _only_update
            case "FastDynamicBranch":
                yield layer, "forward", _three_times
            case "FastHypergraphConv":
                yield layer, "forward", _first_nodes
            case "FastGrapher" if hasattr(layer, "centers"):
                yield layer, "forward", _one_cluster
            case "FastGrapher" if hasattr(layer, "hyperedges"):
                yield layer, "hyperedges", _own_number
            case "FastGrapher" if hasattr(layer, "neighbors"):
                yield layer, "neighbors", _nobody
            case "FastGrapher" | "Grapher" if hasattr(layer, "aggregate"):
                yield layer, "aggregate", _itself


def take_graph_out(model: Classifier) -> None:
    """Replace the graph work of every block.

    Raises:
        LookupError: the model has blocks with a graph that are not known here.
    """
    found = list(replacements(model))
    if not found:
        raise LookupError(f"{type(model).__name__}: no graph work known; add it to replacements")
    for layer, method, stand_in in found:
        setattr(layer, method, MethodType(stand_in, layer))


if __name__ == "__main__":
    main()
