"""Graph statistics: what the graph of every block joins, layer by layer, and what chance would.

Protocol: images in an order drawn from the seed go through the model in batches of 16, float32
with TF32 off, eval; the graph of every block is the one that its forward pass uses
(``Classifier.forward_graphs``). Edges are (node, neighbor) without column 0, the node itself; a
statistic is the plain mean over the edges of an image, then over images. Keys, each followed by
the layer, ``_01`` being the first block with a graph:

* ``spatial_distance``: Manhattan, in patches of the block's own grid.
* ``visual_similarity_normalized``, ``visual_similarity_raw``: cosine of the pixels of two patches,
  as the model is given them (which is what the code of arXiv:2504.19682v1 compares) or from 0 to 1
  (which is what its text says).
* ``embedding_similarity``: cosine of what the block returns; ``embedding_similarity_searched``: of
  the features that neighbors were searched among.
* ``class_probability``: of the true class, by the model's head on what the block returns.
* ``modularity``: of the division into patches with a pixel of the object and others, an image all
  of one kind counting 0; ``modularity_proper``: without these images. Images without a mask have
  neither. ``partition_modularity``: of the clusters that a family keeps its edges inside.

Beside them ``_undilated``, as many neighbors without skipping any; ``_all_pairs``, the same mean
over all pairs of nodes; ``modularity_shuffled``, the same patches of the object strewn at random.
``_mean`` and ``_last_two`` average over layers. Pooled keys stand at the middle of their cell; of
hyperedges every pair of different nodes counts where one reads a hyperedge that joins the other.
The fact ``not_defined`` says what a family does not have.

The null model (``weights: random``) has fresh weights and BatchNorms calibrated on 32 other
images (on the last 32 where all of a data set are measured). Intervals are of a bootstrap over
images, 99 %.

Cost: ViG-S 0.1 s an image on two CPU cores; minutes for 50,000 on a GPU. Source: the per-layer
statistics of ViG-S in arXiv:2504.19682v1, Section 3, and the report that repeats them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from pydantic import JsonValue
from torch import Tensor

from reproductions.artifact_cache import evidence, locate
from reproductions.block_statistics import Readings, View, describe, read_blocks
from reproductions.bootstrap import LEVEL, RESAMPLES, intervals
from reproductions.calibration import calibrate
from reproductions.catalog import GraphStatisticsParams, Transform
from reproductions.catalog_statistics import (
    DATASETS,
    LAST,
    LAYER_STATISTICS,
    MASKS,
    MEANS,
    key_of,
    weights_of,
)
from reproductions.checkpoints import load_weights
from reproductions.contract import Device, Measurement, NotMeasurableError, Quantity, Unit
from reproductions.contract import reproduction as measures
from reproductions.image_sets import DataSet, ImageSet, generated, normalized, transform_of
from reproductions.models import build_model
from reproductions.object_masks import masks_in
from reproductions.placement import class_name, place_of
from reproductions.precision import precision
from vig_models.classifier import Classifier

_BATCH = 16
"""Images that run together; families that cluster couple them."""
_CALIBRATION = 32
_OTHERS = 1_000_000_000
"""Where the images of calibration begin in a generated set."""
_AND = "; and it "


@measures
def graph_statistics(params: GraphStatisticsParams, device: Device) -> Measurement:
    """Measure the graphs of ``params.model`` on images."""
    place = _place(params, device)
    subject = _prepared(params)
    on_gpu = [place] if place.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=on_gpu),
        torch.no_grad(),
        precision("tf32_off", place),
    ):
        torch.manual_seed(params.seed)
        subject.model.to(place)
        calibrated = subject.calibrate(place) if params.weights == "random" else 0
        table, told = _collect(subject, params, place)
    keys = [key for key in table if not bool(table[key].isnan().all())]
    found = torch.stack([table[key] for key in keys], dim=1)  # (images, keys)
    means, lows, highs = intervals(found, params.seed)
    ends = zip(keys, means.tolist(), lows.tolist(), highs.tolist(), strict=True)
    counted: dict[str, JsonValue] = {
        key: int((~found[:, number].isnan()).sum())
        for number, key in enumerate(keys)
        if bool(found[:, number].isnan().any())
    }
    return Measurement(
        values={key: _quantity(key, *numbers) for key, *numbers in ends},
        facts={"device": class_name(place), "not_defined": told.absent},
        evidence={
            "images": len(found),
            "images_of": {**counted},
            "calibrated_on": calibrated,
            "resamples": RESAMPLES,
            "blocks": told.blocks,
            "weights": subject.weights,
            "data": subject.images.evidence,
        },
    )


def _quantity(key: str, value: float, low: float, high: float) -> Quantity:
    level = LEVEL if low < high else None
    return Quantity(value=value, low=low, high=high, level=level, unit=_unit(key))


def _unit(key: str) -> Unit:
    starts = [name for name in LAYER_STATISTICS if key.startswith(name)]
    return LAYER_STATISTICS[max(starts, key=len)]


# -- what is wanted ---------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Subject:
    """A model and its images."""

    model: Classifier
    weights: JsonValue
    images: ImageSet
    others: ImageSet
    """Images that the null model is calibrated on."""
    transform: Transform

    def calibrate(self, place: torch.device) -> int:
        batches = self.others.batches(_BATCH)
        inputs = (normalized(batch.pixels.to(place), self.transform) for batch in batches)
        return calibrate(self.model, inputs)


def _place(params: GraphStatisticsParams, device: Device) -> torch.device:
    if params.device == "any" and torch.cuda.is_available():
        return torch.device(device if device.startswith("cuda") else "cuda")
    return place_of("graph_statistics", device, wants_cuda=params.wants_cuda())


def _prepared(params: GraphStatisticsParams) -> _Subject:
    """Gather what the measurement wants.

    Raises:
        NotMeasurableError: something is missing; names all of it.
    """
    missing: list[str] = []
    model = images = None
    try:
        model = _model(params)
    except NotMeasurableError as error:
        missing.append(str(error))
    try:
        images = _images(params)
    except NotMeasurableError as error:
        missing.append(str(error))
    if model is None or images is None:
        raise NotMeasurableError(_AND.join(missing))
    return _Subject(*model, *images, transform_of(params.transform, params.model))


def _model(params: GraphStatisticsParams) -> tuple[Classifier, JsonValue]:
    loaded: JsonValue = {"seed": params.seed}
    if params.weights == "authors":
        model, loaded = load_weights(params.model, weights_of(params.model))
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            model = build_model(params.model, num_classes=1000, implementation="fast")
    has_graph = isinstance(model, Classifier) and any(
        "grapher" in part._modules for part in model.modules()
    )
    if not has_graph:
        raise NotMeasurableError(
            f"graph_statistics: want a model with a graph, got {params.model!r}, which has none; "
            "ask for a Vision GNN of vig_models"
        )
    return cast(Classifier, model), loaded


def _images(params: GraphStatisticsParams) -> tuple[ImageSet, ImageSet]:
    if params.dataset == "generated":
        draw = partial(generated, seed=params.seed)
        return (
            draw(params.images, masks=params.masks == "drawn"),
            draw(_CALIBRATION, first=_OTHERS),
        )
    artifact, held = DATASETS[params.dataset], MASKS.get((params.masks, params.dataset))
    told, missing = _held({artifact: False} | ({held: True} if held is not None else {}))
    if missing:
        raise NotMeasurableError(_AND.join(missing))
    masks, found = None, told[artifact]
    if held is not None:
        masks = masks_in(locate(held), params.masks)
        found["masks"] = {**told[held], "stand_in": params.masks == "boxes"}
    transform = transform_of(params.transform, params.model)
    data = DataSet.found(artifact, transform, masks, params.mask_alignment)
    images = data.drawn(params.images, params.seed)
    images.evidence.update(found)
    return images, data.others(_CALIBRATION, params.images, params.seed)


def _held(listed: Mapping[str, bool]) -> tuple[dict[str, dict[str, JsonValue]], list[str]]:
    """Give the evidence of artifacts, and what is missing of them.

    Args:
        listed: by name whether to count its files; a data set's are named by its manifest.
    """
    found, missing = {}, []
    for name, counted in listed.items():
        try:
            found[name] = evidence(name, listed=counted)
        except NotMeasurableError as error:
            missing.append(str(error))
    return found, missing


# -- what is measured -------------------------------------------------------------------


@dataclass(frozen=True)
class _Told:
    """What is known of the graphs beside their statistics."""

    absent: dict[str, JsonValue]
    blocks: list[JsonValue]


def _collect(
    subject: _Subject, params: GraphStatisticsParams, place: torch.device
) -> tuple[dict[str, Tensor], _Told]:
    """Run all images; give every key's readings, (images,), and what was not defined."""
    draws = torch.Generator(place).manual_seed(params.seed)
    shuffles = torch.Generator().manual_seed(params.seed)
    rows: list[Readings] = []
    absent: dict[str, str] = {}
    blocks: list[JsonValue] = []
    for batch in subject.images.batches(_BATCH):
        inputs = normalized(batch.pixels.to(place), subject.transform)
        found = subject.model.forward_graphs(inputs, draws)
        view = View(batch, inputs, shuffles)
        by_layer, why = read_blocks(subject.model, found, view)
        absent |= why
        rows.append(dict(_keyed(by_layer)) | view.by_chance())
        blocks = blocks or describe(subject.model, found)
    table = {key: torch.cat([row[key] for row in rows]) for key in rows[0]}
    return table, _Told(dict(sorted(absent.items())), blocks)


def _keyed(by_layer: list[Readings]) -> Iterator[tuple[str, Tensor]]:
    """Name the readings of each layer, and average some over layers."""
    for name in LAYER_STATISTICS:
        series = [its[name] for its in by_layer if name in its]
        for layer, its in enumerate(by_layer, start=1):
            if name in its:
                yield key_of(name, layer), its[name]
        if name in MEANS and len(series) == len(by_layer):
            yield f"{name}_mean", torch.stack(series).mean(dim=0)
            yield f"{name}_last_two", torch.stack(series[-LAST:]).mean(dim=0)
