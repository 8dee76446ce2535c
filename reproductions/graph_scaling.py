"""Graph scaling: how the cost of building a graph grows with its nodes or its clusters.

Protocol: draw nodes, standard normal, from the seed, as a map of each grid, batch 1, and build
a graph on them with the functions of a family (graph_builders.py), without the layers around
it; what is counted and timed is what graph_functions.py lists. Exactly one of ``grids`` and
``clusters`` may have several values; at each, in the keys N is the number of nodes, or the
number of clusters where these vary:

* ``distance_evaluations_N``: pairs whose distance is needed, as the authors compute it; exact
  for the seeded nodes; where a clustering iterates, low and high are those of its fewest and
  its most iterations, partitions as found.
* ``edges_N``: directed edges of the graph as they occur, those of a node to itself included
  where the family has them; of a hypergraph its pairs of node and hyperedge.
  ``edges_per_node_N``: the mean over the nodes.
* ``seconds_N``: wall-clock time in the functions that build the graph; the median of ``rounds``
  rounds through all sizes behind one that warms up, from the smallest to the largest, which
  hold the median of all with the stated error rate. Absent where the graph is static.
* The same keys without N are those of the largest size.
* ``exponent``, ``exponent_edges``, ``exponent_seconds``: of a power law in N, fitted by least
  squares on the logarithms (growth.py), where several sizes are given and no amount is 0. That
  of the evaluations lies between the flattest and the steepest that numbers of iterations
  allow. Of seconds each round has its own; median and interval are those of the rounds.

Cost: 10 s on a CPU up to 56 x 56 nodes. Source: the papers' statements on how the cost of
graph construction grows with the number of nodes.
"""

from dataclasses import dataclass
from statistics import median

import torch
from pydantic import JsonValue

from reproductions.catalog import GraphScalingParams
from reproductions.contract import (
    Device,
    Measurement,
    NotMeasurableError,
    Quantity,
    Unit,
    reproduction,
)
from reproductions.graph_builders import Builder, make_builder
from reproductions.graph_work import Record, watch
from reproductions.growth import exponent, exponent_range
from vig_models import ModelError


@dataclass(frozen=True, kw_only=True)
class Point:
    """What was measured at one size."""

    size: int
    record: Record
    num_nodes: int
    edges: int
    seconds: list[float]
    """One reading a round; empty where nothing is built."""


@reproduction
def graph_scaling(params: GraphScalingParams, device: Device) -> Measurement:
    """Measure how the construction of a graph grows."""
    on_gpu = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=on_gpu), torch.no_grad():
        try:
            points = _points(params, device)
        except ModelError as error:
            raise NotMeasurableError(
                f"graph_scaling: {params.construction} does not run on these nodes ({error}); "
                "ask for other sizes"
            ) from error
    return Measurement(
        values=_values(points),
        samples={f"seconds_{point.size}": point.seconds for point in points if point.seconds},
        evidence={
            "points": [_point_evidence(point) for point in points],
            "ran": {"nodes": "standard normal, seeded", "threads": torch.get_num_threads()},
        },
    )


def _points(params: GraphScalingParams, device: Device) -> list[Point]:
    clusters = params.clusters or (0,)
    pairs = [(grid, number) for grid in params.grids for number in clusters]
    sizes = [number if len(clusters) > 1 else grid**2 for grid, number in pairs]
    builders = [_builder(params, grid, number, device) for grid, number in pairs]
    records = [_run(params, builder, device, counting=True) for builder in builders]
    # Rounds run through all sizes, so that a drift of the machine meets each of them.
    timed = [
        [_run(params, builder, device, counting=False).seconds for builder in builders]
        for _ in range(params.rounds)
    ]
    readings = [list(column) for column in zip(*timed, strict=True)]
    return [
        Point(
            size=size,
            record=record,
            num_nodes=grid**2,
            edges=_edges(params, builder),
            seconds=seconds if record.builds else [],
        )
        for size, (grid, _), record, builder, seconds in zip(
            sizes, pairs, records, builders, readings, strict=True
        )
    ]


def _builder(params: GraphScalingParams, grid: int, clusters: int, device: Device) -> Builder:
    torch.manual_seed(params.seed)
    return make_builder(params, torch.randn(1, params.channels, grid, grid).to(device), clusters)


def _run(params: GraphScalingParams, builder: Builder, device: Device, *, counting: bool) -> Record:
    torch.manual_seed(params.seed)  # so that each draws, and iterates, as the others do
    with watch(params.family(), device=device, counting=counting) as record:
        builder.build()
    return record


def _edges(params: GraphScalingParams, builder: Builder) -> int:
    torch.manual_seed(params.seed)
    return builder.count_edges()


def _values(points: list[Point]) -> dict[str, Quantity]:
    values: dict[str, Quantity] = {}
    for point in points:
        values |= {f"{name}_{point.size}": one for name, one in _at(point).items()}
    values |= _at(points[-1])
    if len(points) > 1:
        values |= _exponents(points)
    return values


def _at(point: Point) -> dict[str, Quantity]:
    fewest, taken, most = point.record.evaluations()
    found = {
        "distance_evaluations": Quantity(value=taken, low=fewest, high=most, unit="distances"),
        "edges": Quantity.exact(point.edges, "edges"),
        "edges_per_node": Quantity.exact(point.edges / point.num_nodes, "edges"),
    }
    if point.seconds:
        found["seconds"] = _middle(point.seconds, "s")
    return found


def _exponents(points: list[Point]) -> dict[str, Quantity]:
    sizes = [point.size for point in points]
    found = {}
    evaluations = [point.record.evaluations() for point in points]
    if all(taken > 0 for _, taken, _ in evaluations):
        found["exponent"] = _exponent(sizes, evaluations)
    if all(point.edges > 0 for point in points):
        edges = [point.edges for point in points]
        found["exponent_edges"] = Quantity.exact(exponent(sizes, edges), "exponent")
    rounds = list(zip(*(point.seconds for point in points), strict=True))
    if rounds:
        found["exponent_seconds"] = _middle([exponent(sizes, one) for one in rounds], "exponent")
    return found


def _exponent(sizes: list[int], evaluations: list[tuple[int, int, int]]) -> Quantity:
    """Fit what was taken; the interval is that of anything from the fewest to the most."""
    fewest, taken, most = zip(*evaluations, strict=True)
    low, high = exponent_range(sizes, fewest, most)
    return Quantity(value=exponent(sizes, taken), low=low, high=high, unit="exponent")


def _middle(readings: list[float], unit: Unit) -> Quantity:
    """Take the median; all lie on one side of the true one with probability 2^(1 - n)."""
    return Quantity(
        value=median(readings),
        low=min(readings),
        high=max(readings),
        level=2.0 ** (1 - len(readings)),
        unit=unit,
    )


def _point_evidence(point: Point) -> JsonValue:
    """List the searches of each kind, and say how far the clustering went."""
    searches = point.record.searches
    kinds: dict[str, JsonValue] = {
        kind: {
            part: [s.evaluations for s in searches if s.kind == kind and s.iterated == iterated]
            for part, iterated in (("by_iteration", True), ("once", False))
        }
        for kind in dict.fromkeys(search.kind for search in searches)
    }
    runs = dict.fromkeys(search.run for search in searches if search.run is not None)
    return {
        "size": point.size,
        "evaluations": kinds,
        "iterations": [
            {"fewest": run.fewest, "taken": run.taken, "most": run.most} for run in runs
        ],
        "nodes": point.num_nodes,
        "edges": point.edges,
        "seconds": list[JsonValue](point.seconds),
    }
