"""Cost scaling: the arithmetic of one operation over the tokens of an image.

Protocol: run the operation once on normal tokens from seed 0, one image, and add up the
multiply-accumulates of what runs, by shape (operations.py); elementwise arithmetic counts nothing.

* attention: one head as timm's vision transformers have it. ``comparisons``: the products of
  queries with keys and of weights with values. ``layer``: with the linear maps before and behind.
* knn: ViG's search for nearest nodes. Both: the products of all pairs of nodes.
* kmeans: one iteration of ClusterViG's k-means, from all its starts. ``comparisons``: the
  coordinates in which nodes and centers are compared. ``layer``: with the new means of the
  partitions and the test whether they moved.

Cost: under 1 s on a CPU. Source: the papers' words on how cost grows with the number of tokens.
"""

from collections.abc import Callable
from functools import partial

import torch
from timm.layers.attention import Attention
from torch import Tensor, nn

from reproductions.catalog import CostScalingParams
from reproductions.contract import Device, Measurement, Quantity, reproduction
from reproductions.counting import Tally, count
from reproductions.graph_work import watch
from vig_models.graph import dilated_knn
from vig_models.kmeans import kmeans


@reproduction
def cost_scaling(params: CostScalingParams, device: Device) -> Measurement:
    """Count what ``params.operation`` takes over ``num_nodes`` tokens; on the CPU."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        nodes = torch.randn(1, params.num_nodes, params.channels)
        comparisons, layer = _OPERATIONS[params.operation](params, nodes)
    return Measurement(
        values={
            "comparisons": Quantity.exact(comparisons / 1e9, "GMAC"),
            "layer": Quantity.exact(layer / 1e9, "GMAC"),
        },
        evidence={"comparisons": comparisons, "layer": layer},
    )


def _attention(params: CostScalingParams, nodes: Tensor) -> tuple[int, int]:
    tally = count(Attention(params.channels, num_heads=1).eval(), nodes)
    return tally.macs["product"], tally.macs.total()


def _knn(_: CostScalingParams, nodes: Tensor) -> tuple[int, int]:
    tally = count(_Runs(_search), nodes)
    return tally.macs["product"], tally.macs.total()


def _search(nodes: Tensor) -> Tensor:
    return dilated_knn(nodes.transpose(1, 2), nodes.transpose(1, 2), num_neighbors=1)


def _kmeans(params: CostScalingParams, nodes: Tensor) -> tuple[int, int]:
    cluster = partial(kmeans, num_clusters=params.clusters, max_iterations=1)
    with watch("clustervig") as record:
        tally = count(_Runs(cluster), nodes)
    compared = sum(search.evaluations for search in record.searches if search.iterated)
    return compared * params.channels, _first_iteration(tally)


def _first_iteration(tally: Tally) -> int:
    (iterations,) = tally.clusterings.values()
    return iterations[1]


class _Runs(nn.Module):
    """Makes a module of a function, so that it can be counted."""

    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, nodes: Tensor) -> object:
        """Run it."""
        return self.function(nodes)


_OPERATIONS = {"attention": _attention, "kmeans": _kmeans, "knn": _knn}
