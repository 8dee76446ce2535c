"""The functions of ``vig_models`` that build graphs, and how many distances each evaluates.

What is counted is the search as the authors of a family compute it, by the shapes at the
boundaries of its functions: for one set of inputs the same in both implementations, though a
fast one may compute other pairs for the same edges (ClusterViG's all N^2 of an image, GreedyViG's
half). What is timed is what runs. Per image:

============== ================================ ==========================================
family         counted                          distance evaluations
============== ================================ ==========================================
vig, pvg,      ``find_neighbors``               N M: every node with every key
pyramid_vig
clustervig     ``nearest``, ``costs`` of Lloyd  N kappa R in each of t iterations and once
                                                behind them; N R to choose among R restarts
               ``knn_in_partitions`` or         sum of n_i^2 over the partitions
               ``knn_in_clusters``
vihgnn         ``update_memberships``           N E in each of t iterations
greedyvig      ``aggregate``                    N for the threshold, N for each roll, the
                                                two rolls by 0 among them
mobilevig,     none                             0: rolls are fixed
mobilevigv2
============== ================================ ==========================================
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor

Kind = Literal["knn", "kmeans", "restarts", "partitions", "axial", "fuzzy_c_means"]
"""What distances are evaluated for."""

Count = Callable[..., tuple[Kind, int]]
"""From the arguments of a function to what it evaluates per image."""


def _every_key(nodes: Tensor, keys: Tensor, *_: object) -> tuple[Kind, int]:
    """Count N M of (B, C, N) and (B, C, M)."""
    return "knn", nodes.shape[-1] * keys.shape[-1]


def _every_center(step: Any, centers: Tensor) -> tuple[Kind, int]:
    """Count N R kappa: centers are (B, R, kappa, C)."""
    return "kmeans", step.nodes.shape[1] * centers.shape[1] * centers.shape[2]


def _own_center(_step: object, labels: Tensor, _centers: Tensor) -> tuple[Kind, int]:
    """Count R N: labels are (B, R, N)."""
    return "restarts", labels.shape[1] * labels.shape[2]


def _own_partition(_nodes: Tensor, labels: Tensor, *_: object) -> tuple[Kind, int]:
    """Count the sum of n_i^2: labels are (B, N), one image, else the mean rounded down."""
    same = labels[:, :, None] == labels[:, None]  # (B, N, N)
    return "partitions", int(same.sum()) // len(labels)


def _memberships(_nodes: Tensor, memberships: Tensor, *_: object, **__: object) -> tuple[Kind, int]:
    """Count N E of (B, N, E)."""
    return "fuzzy_c_means", memberships.shape[1] * memberships.shape[2]


def _rolls(grapher: Any, x: Tensor) -> tuple[Kind, int]:
    """Count N for the threshold and for each roll: (B, C, H, W)."""
    return "axial", x.shape[2] * x.shape[3] * (1 + len(grapher.shifts(x)))


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """A function that is watched."""

    path: str
    """Module of ``vig_models``, then names, separated by dots."""
    timed: bool = True
    count: Count | None = None


def _knn(*paths: str) -> tuple[Boundary, ...]:
    return tuple(Boundary(path=f"{path}.find_neighbors", count=_every_key) for path in paths)


BOUNDARIES: Mapping[str, tuple[Boundary, ...]] = MappingProxyType(
    {
        "vig": _knn("vig.Grapher", "vig.FastGrapher"),
        "pyramid_vig": _knn("pyramid_vig.Grapher", "pyramid_vig.FastGrapher"),
        "pvg": _knn("pvg_grapher.DynamicBranch", "pvg_grapher.FastDynamicBranch"),
        "clustervig": (
            Boundary(path="clustervig.Grapher.cluster"),
            Boundary(path="clustervig.FastGrapher.cluster"),
            Boundary(path="clustervig.organize"),
            Boundary(path="clustervig.knn_in_partitions", count=_own_partition),
            Boundary(path="clustervig.knn_in_clusters", count=_own_partition),
            Boundary(path="kmeans.Lloyd.nearest", timed=False, count=_every_center),
            Boundary(path="kmeans.Lloyd.costs", timed=False, count=_own_center),
            Boundary(path="fast_partitions.FastLloyd.nearest", timed=False, count=_every_center),
            Boundary(path="fast_partitions.FastLloyd.costs", timed=False, count=_own_center),
        ),
        "vihgnn": (
            Boundary(path="vihgnn.Grapher.hyperedges"),
            Boundary(path="vihgnn.padded_lists"),
            Boundary(path="fuzzy_c_means.update_memberships", timed=False, count=_memberships),
        ),
        "greedyvig": (
            Boundary(path="greedyvig.Grapher.threshold"),
            Boundary(path="greedyvig._distance"),
            Boundary(path="greedyvig._is_edge"),
            Boundary(path="greedyvig.Grapher.aggregate", timed=False, count=_rolls),
            Boundary(path="greedyvig.FastGrapher.aggregate", timed=False, count=_rolls),
        ),
        "mobilevig": (),
        "mobilevigv2": (),
    }
)
"""Family to its functions that build graphs; those of a static graph are none."""
