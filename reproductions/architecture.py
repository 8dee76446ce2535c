"""Architecture: what mixes the tokens of a classifier, in how many blocks, on what maps.

Protocol: build the classifier and run it once, eval, no gradients, on one 224 x 224 image of
meta tensors; find its blocks and what mixes in them from the operations that run (tracing.py
has the rules), never from a name. A model that reads its own activations to decide where to
go runs in its fast form instead, whose clusters stand still on meta tensors, or else on the CPU,
with seeded weights, on a black image, whose nodes are soon clustered. A
model with a graph runs once more on the CPU, in its fast form, which has the same edges, seed
0, on two images of uniform noise (edges.py). Facts, exact:

* ``mixing``: every kind found in a block: attention, convolution, graph, pooling.
* ``type``: the word of the papers' tables, by the first line that fits. Where it draws the
  line is their usage, known when this was written; ``mixing`` is the measurement.

  1. a graph in a block: CNN-GNN if a convolution mixes in a block too, else GNN. A
     convolution in the stem or between stages makes no hybrid, one inside a block does,
     even where its authors call it a position encoding: nothing in what runs tells.
  2. attention in a block: CNN-ViT if any convolution of the whole model has overlapping
     windows (kernel > stride), stem and downsampling included; else ViT.
  3. a convolution in a block: CNN.  4. pooling in a block: Pool.

* ``type_of_blocks``: the same word where a block with a graph counts as that alone, whatever
  convolution stands in it beside the graph. Papers draw the line either way.
* ``blocks``, ``stages`` (consecutive blocks with equal output maps), and per stage ``depths``
  (blocks), ``widths`` (channels behind a block), ``grids`` (side of the map behind a block);
  ``isotropic``: the word isotropic if there is one stage, else pyramid.
* ``num_nodes``: positions, class tokens aside, and ``channels``, both of the last stage with
  a graph, or of the last stage where none has one. They are values too.
* ``stem_strides``: of each convolution or pooling before the first block, 1 x 1 aside.
* ``heads``: layers whose width follows the number of classes; ``image_size``: the side that
  the model is configured for.
* Of a graph: ``graph`` (dynamic if the two images have different edges in any block, else
  static), and per block ``neighbors`` (K) and ``edges_per_node`` (different ones, a node itself
  included where it is chosen); ``partitions``, the clusters that edges stay inside of, and
  ``hyperedges`` per block where there are some. Where nearest nodes are searched for:
  ``dilation`` per block (nearest found over K) and ``reduction`` per stage (side of the map
  over that of the keys).
  A key that does not apply is absent.

Cost: under 1 s on a CPU, 5 s with a large graph. Source: the "Type" column and the
architecture tables of the papers.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, groupby
from math import isqrt
from operator import attrgetter

import torch
from pydantic import JsonValue
from torch import nn

from reproductions.catalog import ArchitectureParams
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, reproduction
from reproductions.edges import Graph, find_graphs
from reproductions.known_shapes import meta_device
from reproductions.late_weights import late_weights
from reproductions.models import build_model
from reproductions.tracing import Block, Operation, Trace, trace
from vig_models import ModelError

IMAGE_SIZE = 224
"""Side of the images that maps are measured on."""

FAST_FORM = "meta, fast form"
"""Where a model ran that cannot run on the meta device as its authors wrote it."""

SEED = 0
"""Of the weights, where values decide, and of the two images."""


@reproduction
def architecture(params: ArchitectureParams, device: Device) -> Measurement:
    """Measure the structure of ``params.model``; no device is needed for it."""
    try:
        with meta_device():
            model = _build(params)
        traced, ran_on, graphs = _run(params, model)
    except (AssertionError, ModelError, RuntimeError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise NotMeasurableError(
            f"architecture: {params.model!r} does not run on a {IMAGE_SIZE} x {IMAGE_SIZE} image "
            f"({why}); ask for a model that takes one"
        ) from error
    stages = _stages(traced.blocks)
    heads, image_size = _heads_and_size(params, model)
    of_nodes = [stage for stage in stages if "graph" in stage[0].mixing] or stages
    last = of_nodes[-1][0]
    facts: dict[str, JsonValue] = {
        **_structure(traced, stages),
        "num_nodes": last.grid**2,
        "channels": last.channels,
        "heads": len(heads),
        "image_size": image_size,
        **_graph_facts(graphs),
        **(_search_facts(graphs, stages) if ran_on != FAST_FORM else {}),  # it searches otherwise
    }
    return Measurement(
        values={
            "num_nodes": Quantity.exact(last.grid**2, "nodes"),
            "channels": Quantity.exact(last.channels, "channels"),
        },
        facts=facts,
        evidence={
            "blocks": [[b.name, b.channels, b.grid, *sorted(b.mixing)] for b in traced.blocks],
            "overlapping_convolutions": sum(map(_is_overlapping, traced.operations)),
            "heads": list(heads),
            "graphs": [
                [graph.name, graph.neighbors.shape[1], graph.differing_nodes] for graph in graphs
            ],
            "traced": {"device": ran_on, "image": [1, 3, IMAGE_SIZE, IMAGE_SIZE]},
        },
    )


def _run(params: ArchitectureParams, model: nn.Module) -> tuple[Trace, str, list[Graph]]:
    """Trace a model on the meta device, or on the CPU, named, and find its graphs, if any."""
    traced, ran_on = _trace(params, model)
    has_graph = any("graph" in block.mixing for block in traced.blocks)
    return traced, ran_on, _graphs(params) if has_graph else []


def _trace(params: ArchitectureParams, model: nn.Module) -> tuple[Trace, str]:
    """Trace a model on the meta device, there in its fast form, or on the CPU; say which."""
    image = torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE)
    with suppress(RuntimeError):  # includes NotImplementedError: no value, or no meta kernel
        return trace(model, image.to("meta")), "meta"
    with suppress(RuntimeError, NotMeasurableError):  # or its fast form mixes in no way known here
        with meta_device():
            fast = _build(params, implementation="fast")
        return trace(fast, image.to("meta")), FAST_FORM
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return trace(_build(params), image), "cpu"


def _graphs(params: ArchitectureParams) -> list[Graph]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        images = torch.rand(2, 3, IMAGE_SIZE, IMAGE_SIZE)
        with late_weights(lambda: _build(params, implementation="fast")) as model:  # of equal edges
            return find_graphs(model, images)


def _build(
    params: ArchitectureParams, more_classes: int = 0, implementation: str = "published"
) -> nn.Module:
    return build_model(
        params.model,
        num_classes=params.num_classes + more_classes,
        image_size=IMAGE_SIZE,
        implementation=implementation,
    )


def _stages(blocks: Sequence[Block]) -> list[list[Block]]:
    return [list(stage) for _, stage in groupby(blocks, attrgetter("channels", "grid"))]


def _structure(traced: Trace, stages: Sequence[Sequence[Block]]) -> dict[str, JsonValue]:
    mixing = set(chain.from_iterable(block.mixing for block in traced.blocks))
    main = set(
        chain.from_iterable(block.mixing & {"graph"} or block.mixing for block in traced.blocks)
    )
    return {
        "type": _type(mixing, any(map(_is_overlapping, traced.operations))),
        "type_of_blocks": _type(main, any(map(_is_overlapping, traced.operations))),
        "mixing": [str(kind) for kind in sorted(mixing)],
        "blocks": len(traced.blocks),
        "stages": len(stages),
        "depths": [len(stage) for stage in stages],
        "widths": [stage[0].channels for stage in stages],
        "grids": [stage[0].grid for stage in stages],
        "isotropic": "isotropic" if len(stages) == 1 else "pyramid",
        "stem_strides": [operation.stride for operation in traced.stem],
    }


def _is_overlapping(operation: Operation) -> bool:
    return operation.kind == "convolution" and operation.overlaps


def _type(mixing: set[str], overlaps: bool) -> str:
    """Give the word of the papers' tables; the module's docstring has the rules."""
    if "graph" in mixing:
        return "CNN-GNN" if "convolution" in mixing else "GNN"
    if "attention" in mixing:
        return "CNN-ViT" if overlaps else "ViT"
    return "CNN" if "convolution" in mixing else "Pool"


def _heads_and_size(params: ArchitectureParams, model: nn.Module) -> tuple[list[str], int]:
    """Name the layers whose width changes with the number of classes; tell the image side.

    The side is that a timm model was configured for, and the size of the maps elsewhere.
    """
    with meta_device():
        wider = _build(params, more_classes=1)
    widths = {name: parameter.shape for name, parameter in wider.named_parameters()}
    heads = [
        name.removesuffix(".weight")
        for name, parameter in model.named_parameters()
        if name.endswith(".weight") and parameter.shape != widths[name]
    ]
    config = getattr(model, "pretrained_cfg", None) or {}
    return heads, int(config.get("input_size", (3, IMAGE_SIZE, IMAGE_SIZE))[-1])


def _graph_facts(graphs: Sequence[Graph]) -> dict[str, JsonValue]:
    if not graphs:
        return {}
    changes = any(graph.differing_nodes for graph in graphs)
    return {
        "graph": "dynamic" if changes else "static",
        "neighbors": [graph.num_neighbors for graph in graphs],
        "edges_per_node": [graph.edges_per_node for graph in graphs],
        **_groups("partitions", [graph.num_partitions for graph in graphs]),
        **_groups("hyperedges", [graph.num_hyperedges for graph in graphs]),
    }


def _groups(name: str, per_block: list[int]) -> dict[str, JsonValue]:
    return {name: [*per_block]} if any(per_block) else {}


def _search_facts(
    graphs: Sequence[Graph], stages: Sequence[Sequence[Block]]
) -> dict[str, JsonValue]:
    """Read the searches for nearest nodes; nothing where a block searches not once."""
    blocks = [block for stage in stages for block in stage]
    searches = [[o for o in block.operations if o.kind == "topk"] for block in blocks]
    if len(graphs) != len(blocks) or any(len(search) != 1 for search in searches):
        return {}
    found = [search[0] for search in searches]
    pairs = zip(found, graphs, strict=True)
    reductions = iter([isqrt(search.queries // search.keys) for search in found])
    per_stage = [[next(reductions) for _ in stage] for stage in stages]
    facts: dict[str, JsonValue] = {
        "dilation": [-(-search.chosen // graph.num_neighbors) for search, graph in pairs]
    }
    if all(len(set(stage)) == 1 for stage in per_stage):
        facts["reduction"] = [stage[0] for stage in per_stage]
    return facts
