"""Builds one graph over given nodes, in each way that a family of ``vig_models`` has.

The layers in front of a Grapher's graph are left away, so that it is built on the nodes as given.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Tensor, nn

from reproductions.catalog import GraphScalingParams
from vig_models import clustervig, greedyvig, mobilevig, mobilevigv2, vig, vihgnn


class Builder(NamedTuple):
    """How one graph is built."""

    build: Callable[[], object]
    """What runs and is timed; it draws from torch's default generator."""
    count_edges: Callable[[], int]
    """Counts the directed edges, a node to itself included where the search ranks it."""


def make_builder(params: GraphScalingParams, x: Tensor, clusters: int) -> Builder:
    """Prepare the construction that ``params`` name.

    Args:
        params: which construction, and its settings.
        x: nodes as a map, (1, C, H, W).
        clusters: kappa or E, where there are some.
    """
    grapher, build = _MAKERS[params.construction](params, x, clusters)
    grapher.to(x.device).eval()
    return Builder(partial(build, x), lambda: _edges(grapher, x))


def _edges(grapher: Any, x: Tensor) -> int:
    grapher.fc1, grapher.cpe = nn.Identity(), nn.Identity()
    return int((grapher.graph(*grapher.search(x.clone())).neighbors >= 0).sum())


Made = tuple[nn.Module, Callable[[Tensor], object]]
"""A Grapher, and what builds its graph of a map."""


def _knn(params: GraphScalingParams, x: Tensor, _clusters: int) -> Made:
    config = vig.ViGConfig(depth=1, channels=x.shape[1], implementation=params.implementation)
    grapher = vig.GRAPHERS[params.implementation](config, params.neighbors, 1, 0.0)
    return grapher, grapher.neighbors


def _partitioned(params: GraphScalingParams, x: Tensor, clusters: int) -> Made:
    config = clustervig.ClusterViGConfig(depth=1, channels=x.shape[1], partitions=clusters)
    grapher = clustervig.GRAPHERS[params.implementation](config, params.neighbors, 0.0)

    def build(x: Tensor) -> object:
        nodes = x.flatten(2).transpose(1, 2)  # (1, N, C)
        nodes = nodes - nodes.mean(dim=1, keepdim=True)
        labels, _ = grapher.cluster(nodes, None)
        return grapher.neighbors(nodes, labels)

    return grapher, build


def _aggregate_of(grapher: Any) -> Callable[[Tensor], object]:
    """Look the method up only when it runs, since it may be watched by then."""

    def build(x: Tensor) -> object:
        return grapher.aggregate(x)

    return build


def _dagc(params: GraphScalingParams, x: Tensor, _clusters: int) -> Made:
    grapher = greedyvig.GRAPHERS[params.implementation](x.shape[1], params.step)
    return grapher, _aggregate_of(grapher)


def _fuzzy_c_means(params: GraphScalingParams, x: Tensor, clusters: int) -> Made:
    grapher = vihgnn.GRAPHERS[params.implementation](x.shape[1], clusters, 0.0)
    return grapher, lambda x: grapher.hyperedges(x.flatten(2), None)


def _svga(params: GraphScalingParams, x: Tensor, _clusters: int) -> Made:
    grapher = mobilevig.GRAPHERS[params.implementation](x.shape[1], params.step, 0.0)
    return grapher, _aggregate_of(grapher)


def _mgc(params: GraphScalingParams, x: Tensor, _clusters: int) -> Made:
    grapher = mobilevigv2.Grapher(x.shape[1], params.step)
    return grapher, _aggregate_of(grapher)


_MAKERS: Mapping[str, Callable[[GraphScalingParams, Tensor, int], Made]] = MappingProxyType(
    {
        "dagc": _dagc,
        "fuzzy_c_means": _fuzzy_c_means,
        "kmeans_partitioned": _partitioned,
        "knn": _knn,
        "mgc": _mgc,
        "svga": _svga,
    }
)
"""Construction, as the params name it, to what makes it."""
