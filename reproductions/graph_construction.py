"""Graph construction: what a model spends on finding its neighbors, and what it finds.

Protocol: build the model with weights drawn from the seed, eval, no gradients; uniform noise
from the seed is the image, batch 1. Keys:

* ``distance_evaluations``: pairs whose distance one image needs, as graph_functions.py counts
  them for each family; a static graph has none. Exact for the seeded image; where a clustering
  iterates, low and high are those of its fewest and its most iterations, partitions as found.
* ``calls``: blocks that build a graph in a forward pass.
* ``share``: wall-clock time in the functions that build graphs, as the same module lists them,
  over that of the forward pass. One pass to warm up, then ``forwards`` passes; the median, from
  the smallest to the largest, which hold the median of all with the stated error rate. Where
  nothing is built it is exactly 0. Rolling a map to read neighbors is no construction.
* ``recall``, where edges stay inside partitions: of the true K - 1 nearest other nodes, over all
  nodes (recall.py), the share that lies in the node's own partition; mean over blocks.
  ``recall_found``: the share that the model's graph has.
* ``dynamic``, a fact: dynamic if two images have different edges in any block, else static.

Weights are not trained, so that iterations, partitions and recall are those of random features.
Cost: 15 s on a CPU, more for large models. Source: the papers' statements on how costly graph
construction is, and on what partitions leave of the neighbors.
"""

from statistics import mean, median

import torch
from pydantic import JsonValue
from torch import Tensor

from reproductions import recall
from reproductions.catalog import GraphConstructionParams
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, reproduction
from reproductions.edges import find_graphs
from reproductions.errors import ReproductionError
from reproductions.graph_work import Record, Search, seconds, watch
from reproductions.models import build_model
from vig_models import ModelError
from vig_models.classifier import Classifier


@reproduction
def graph_construction(params: GraphConstructionParams, device: Device) -> Measurement:
    """Measure how ``params.model`` builds its graphs."""
    family = str(params.family())  # one whose graph is known
    on_gpu = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=on_gpu), torch.no_grad():
        try:
            return _measure(params, family, device)
        except ModelError as error:
            side = params.image_size
            raise ReproductionError(
                f"graph_construction: {params.model!r} does not run on a {side} x {side} image "
                f"({error}); ask for a size that it takes"
            ) from error


def _measure(params: GraphConstructionParams, family: str, device: Device) -> Measurement:
    model, images = _prepare(params, device)
    record = _count(model, images[:1], params, family)
    dynamic = any(graph.differing_nodes > 0 for graph in find_graphs(model, images))
    if dynamic and not record.builds:
        raise NotMeasurableError(
            f"graph_construction: {params.model!r} has a dynamic graph, but ran no function that "
            "is known to build one; add it to reproductions/graph_functions.py"
        )
    fewest, taken, most = record.evaluations()
    shares, readings = _shares(model, images[:1], params, family)
    found, recall_evidence = _recall(model, images[:1], params.seed)
    return Measurement(
        values={
            "distance_evaluations": Quantity(value=taken, low=fewest, high=most, unit="distances"),
            "calls": Quantity.exact(record.calls, "runs"),
            "share": _middle(shares) if record.builds else Quantity.exact(0, "percent"),
            **found,
        },
        facts={"dynamic": "dynamic" if dynamic else "static"},
        samples={"share": shares},
        evidence={
            "searches": [_search_evidence(search) for search in record.searches],
            "builds": _functions(record),
            "forwards_s": readings,
            "recall": recall_evidence,
            "ran": {
                "images": [1, *images.shape[1:]],
                "weights": "seeded",
                "threads": torch.get_num_threads(),
            },
        },
    )


def _prepare(params: GraphConstructionParams, device: Device) -> tuple[Classifier, Tensor]:
    """Make the model and two images, (2, 3, H, W)."""
    torch.manual_seed(params.seed)
    model = build_model(
        params.model, num_classes=params.num_classes, implementation=params.implementation
    )
    if not isinstance(model, Classifier):
        raise NotMeasurableError(f"graph_construction: {params.model!r} does not show its graphs")
    return model.to(device), torch.rand(2, 3, params.image_size, params.image_size).to(device)


def _count(
    model: Classifier, image: Tensor, params: GraphConstructionParams, family: str
) -> Record:
    torch.manual_seed(params.seed)
    with watch(family, device=str(image.device), model=model) as record:
        model(image)
    return record


def _shares(
    model: Classifier, image: Tensor, params: GraphConstructionParams, family: str
) -> tuple[list[float], JsonValue]:
    """Time forward passes; return the share of construction in each, in percent, and readings."""
    device, readings = str(image.device), []
    for _ in range(1 + params.forwards):
        torch.manual_seed(params.seed)  # so that each draws, and iterates, as the others do
        with watch(family, device=device, model=model, counting=False) as record:
            start = seconds(device)
            model(image)
            readings.append((record.seconds, seconds(device) - start))
    timed = readings[1:]  # the first one warms up
    evidence: JsonValue = [{"construction": part, "all": whole} for part, whole in timed]
    return [100 * part / whole for part, whole in timed], evidence


def _middle(readings: list[float]) -> Quantity:
    """Take the median; all lie on one side of the true one with probability 2^(1 - n)."""
    return Quantity(
        value=median(readings),
        low=min(readings),
        high=max(readings),
        level=2.0 ** (1 - len(readings)),
        unit="percent",
    )


def _recall(
    model: Classifier, image: Tensor, seed: int
) -> tuple[dict[str, Quantity], list[JsonValue]]:
    """Compare what partitioned searches found with the true neighbors, block by block."""
    torch.manual_seed(seed)
    evidence: list[JsonValue] = []
    inside, found = [], []
    for block in model.forward_graphs(image):
        num_others = block.graph.neighbors.shape[2] - 1  # the node itself is its nearest
        if block.partitions is None or num_others < 1:
            continue
        true = recall.true_neighbors(block.nodes.transpose(1, 2), num_others)  # (1, N, K - 1)
        inside.append(recall.inside_partitions(true, block.partitions))
        found.append(recall.found(true, block.graph.neighbors))
        sizes = [size for size in block.partitions[0].bincount().tolist() if size]
        evidence.append(
            {"block": block.name, "partitions": sizes, "inside": inside[-1], "found": found[-1]}
        )
    if not inside:
        return {}, []
    return {
        "recall": Quantity.exact(mean(inside), "ratio"),
        "recall_found": Quantity.exact(mean(found), "ratio"),
    }, evidence


def _search_evidence(search: Search) -> JsonValue:
    evidence: dict[str, JsonValue] = {
        "block": search.block,
        "kind": search.kind,
        "evaluations": search.evaluations,
        "iterated": search.iterated,
    }
    if search.run is not None:
        run = search.run
        evidence["iterations"] = {"fewest": run.fewest, "taken": run.taken, "most": run.most}
    return evidence


def _functions(record: Record) -> JsonValue:
    """Name the functions that each block built its graph with, in order, each once."""
    names: dict[str, dict[str, None]] = {}
    for build in record.builds:
        names.setdefault(build.block, {})[build.function] = None
    return {block: list(functions) for block, functions in names.items()}
