"""Runs ClusterViG's DEGC modules one after the other and keeps what each step is given and gives.

Weights that are fresh leave biases at zero and normalizations at one; here they are drawn too, so
that no term of an equation is without effect.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from vig_models.clustering import Clustering, running
from vig_models.kmeans import Lloyd

IMAGES, SIDE = 2, 224
MOST_DRAWS = 80
"""Of nodes that k-means is to give up on."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """The Grapher of one block, what went into it, and how it was partitioned."""

    name: str
    grapher: Any
    nodes: Tensor
    """(B, N, C)."""
    labels: Tensor
    """(B, N)."""
    centers: Tensor
    """(B, kappa, C)."""
    assignments: tuple[Tensor, ...]
    """Labels of every assignment of k-means, (B, R, N) each, in order."""
    run: Clustering
    heard: "Heard"
    """What the rest of the module was given and gave."""

    @property
    def kappa(self) -> int:
        """Number of partitions."""
        return self.centers.shape[1]

    def has_settled(self, image: int) -> bool:
        """Tell whether the last assignment of k-means moved no node of an image."""
        before, last = (assigned[image] for assigned in self.assignments[-2:])  # (R, N) each
        labels = self.labels[image]
        pairs = zip(before, last, strict=True)
        return any(torch.equal(a, labels) and torch.equal(b, labels) for a, b in pairs)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One update of the nodes."""

    edges: Tensor
    """Between the centers, (2, E)."""
    aware: Tensor
    """Updated centers, (B * kappa, C)."""
    arranged: Tensor
    """Nodes in the order of their partitions, (B * N, C)."""
    updated: Tensor
    """(B * N, C')."""
    result: Tensor
    """In the order of the image, (B, N, C')."""


def steps_of(model: nn.Module) -> list[Step]:
    """Run the model on two images and take what each Grapher was given."""
    given: list[tuple[str, Any, Tensor]] = []
    hooks = [
        _draw_constants(module).register_forward_pre_hook(
            lambda grapher, args, name=name: given.append((name, grapher, args[0]))
        )
        for name, module in model.named_modules()
        if name.endswith("grapher")
    ]
    model(torch.rand(IMAGES, 3, SIDE, SIDE))
    for hook in hooks:
        hook.remove()
    return [_step(name, grapher.double(), x.double()) for name, grapher, x in given]


def _draw_constants(grapher: nn.Module) -> nn.Module:
    """Draw what fresh weights leave at zero or one: biases and normalizations.

    What is added is drawn with either sign: were it above zero alone, every leaky ReLU would be
    given what it leaves as it is, and its slope would be without effect.
    """
    for part in (cast(Any, grapher).centers, cast(Any, grapher).graph_conv):
        for name, entry in part.state_dict().items():
            if entry.is_floating_point() and entry.dim() == 1:
                is_added = name.endswith(("bias", "running_mean"))
                entry.uniform_(*((-1.0, 1.0) if is_added else (0.5, 1.5)))
    return grapher


def _step(name: str, grapher: Any, x: Tensor) -> Step:
    with _listening() as heard:
        nodes, labels, centers = grapher.search(x)
    return _as_step(name, grapher, nodes, labels, centers, heard)


def flat_step(like: Step) -> Step:
    """Cluster nodes that vary in two directions, which takes longest; keep a run that gives up.

    What gives up has to be the run that counts: another start, or another image, may keep a
    batch iterating whose clusters stand still.
    """
    grapher = like.grapher
    for _ in range(MOST_DRAWS):
        spread = torch.randn(*like.nodes.shape[:2], 2, dtype=torch.float64)
        nodes = spread @ torch.randn(2, like.nodes.shape[2], dtype=torch.float64)
        nodes -= nodes.mean(dim=1, keepdim=True)
        with _listening() as heard:
            labels, centers = grapher.cluster(nodes, None)
        step = _as_step("drawn in two directions", grapher, nodes, labels, centers, heard)
        if not all(map(step.has_settled, range(IMAGES))):
            break
    return step


def _as_step(
    name: str,
    grapher: Any,
    nodes: Tensor,
    labels: Tensor,
    centers: Tensor,
    heard: list[tuple[Tensor, Clustering]],
) -> Step:
    assignments, runs = zip(*heard, strict=True)
    return Step(
        name=name,
        grapher=grapher,
        nodes=nodes,
        labels=labels,
        centers=centers,
        assignments=assignments,
        run=runs[0],
        heard=_update(grapher, nodes, labels, centers),
    )


def _update(grapher: Any, nodes: Tensor, labels: Tensor, centers: Tensor) -> Heard:
    """Run what comes behind the partitioning, and listen to its two layers."""
    attended: list[Tensor] = []
    convolved: list[Tensor] = []
    hooks = [
        grapher.centers.register_forward_hook(lambda _, a, out: attended.extend((a[1], out))),
        grapher.graph_conv.register_forward_hook(lambda _, a, out: convolved.extend((a[0], out))),
    ]
    result = grapher.update(nodes, labels, centers)
    for hook in hooks:
        hook.remove()
    return Heard(
        edges=attended[0],
        aware=attended[1],
        arranged=convolved[0],
        updated=convolved[1],
        result=result,
    )


@contextmanager
def _listening() -> Iterator[list[tuple[Tensor, Clustering]]]:
    """Keep what every assignment of nodes to centers returns, and the run it is part of."""
    heard: list[tuple[Tensor, Clustering]] = []
    before = Lloyd.nearest

    def nearest(lloyd: Lloyd, centers: Tensor) -> Tensor:
        labels, run = before(lloyd, centers), running()
        if run is not None:
            heard.append((labels, run))
        return labels

    listening: Any = Lloyd
    listening.nearest = nearest
    try:
        yield heard
    finally:
        listening.nearest = before
