"""Partition size: how many nodes k-means leaves in the partitions of a block.

Protocol: build the model in its fast form, which partitions alike, eval, weights from the seed,
and run images of uniform noise, each by itself. Values, over all images:

* ``least`` and ``greatest``: nodes of the smallest and of the largest partition of the block. Of
  images that nobody ran, and of other weights, what was seen bounds the extremes on one side only:
  the interval of ``least`` goes down to 0, that of ``greatest`` up to all nodes.
* ``balance``: entropy of the sizes over that of equal sizes, the mean over the images; 1 is even.
* ``settled``: share of the runs of k-means, of all blocks, that stopped by themselves within
  ``iterations``.

Weights are not trained: a size that was seen shows what can happen, not what is usual. Cost: 10 s
on a CPU for four images. Source: Section IV-B of the ClusterViG paper.
"""

from collections.abc import Iterator
from math import log
from statistics import mean

import torch
from torch import Tensor

from reproductions.catalog import PartitionSizeParams
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, reproduction
from reproductions.graph_work import Record, watch
from reproductions.models import build_model
from vig_models.classifier import Classifier

SIDE = 224


@reproduction
def partition_size(params: PartitionSizeParams, device: Device) -> Measurement:
    """Measure the partitions of a block of ``params.model``; on the CPU."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(params.seed)
        model = build_model(params.model, num_classes=0, implementation="fast")
        sizes, taken = [], []
        for _ in range(params.images):
            image = torch.rand(1, 3, SIDE, SIDE)
            labels, record = _partitions(model, image, params)
            sizes.append(labels.bincount(minlength=int(labels.max()) + 1).tolist())
            taken += list(_iterations(record))
    num_nodes = sum(sizes[0])
    least, greatest = (pick(map(pick, sizes)) for pick in (min, max))
    settled = [number <= params.iterations and stopped for number, stopped in taken]
    return Measurement(
        values={
            "least": Quantity(value=least, low=0, high=least, unit="nodes"),
            "greatest": Quantity(value=greatest, low=greatest, high=num_nodes, unit="nodes"),
            "balance": Quantity.exact(mean(map(balance, sizes)), "ratio"),
            "settled": Quantity.exact(mean(settled), "ratio"),
        },
        evidence={
            "sizes": sizes,
            "iterations": [number for number, _ in taken],
            "ran": {"images": [1, 3, SIDE, SIDE], "weights": "seeded"},
        },
    )


def _partitions(model: object, image: Tensor, params: PartitionSizeParams) -> tuple[Tensor, Record]:
    """Run the model; give the partition of each node of the block, (N,), and all that ran."""
    family = params.family()
    if family != "clustervig" or not isinstance(model, Classifier):
        raise NotMeasurableError(
            f"partition_size: want a model of clustervig, got {params.model!r}, which has no "
            "partitions; ask for one of these"
        )
    with watch(family, model=model) as record:
        graphs = model.forward_graphs(image)
    if params.block > len(graphs) or graphs[params.block - 1].partitions is None:
        raise NotMeasurableError(
            f"partition_size: {params.model!r} has blocks 1 to {len(graphs)}, got {params.block}; "
            "ask for one of these"
        )
    labels = graphs[params.block - 1].partitions
    return labels[0] if labels is not None else torch.empty(0), record


def _iterations(record: Record) -> Iterator[tuple[int, bool]]:
    """Tell of each run of k-means how many iterations it took, and whether it stopped itself."""
    runs = dict.fromkeys(search.run for search in record.searches if search.run is not None)
    yield from ((run.taken, run.taken < run.most) for run in runs)


def balance(sizes: list[int]) -> float:
    """Compare the entropy of sizes with that of equal ones.

    Example:
        >>> balance([49, 49, 49, 49])
        1.0
        >>> balance([10, 0])
        0.0
    """
    if len(sizes) == 1:
        return 1.0
    shares = [size / sum(sizes) for size in sizes if size]
    return round(-sum(share * log(share) for share in shares) / log(len(sizes)), 12) + 0.0
