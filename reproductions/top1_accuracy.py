"""Top-1 accuracy: of how many images a model says the right class.

Protocol: the weights an artifact names, every entry accounted for; the images of a data set, held
to a manifest of their digests; timm's evaluation transform with everything in it a param. The model
runs in eval mode in one precision, TF32 off. Correct answers are counted, as integers.
Values, in percent: ``top1``, and ``top5``, among all 1,000 outputs; on ImageNet-A ``top1_200way``
too, among the outputs of its 200 classes.
Images come in an order drawn from the seed. Whoever waits may say that what is known is enough:
then values have bounds that hold with an error of 1 %, however often was asked; a run to the end is
exact. Facts: ``complete``, ``seen`` of ``images``, ``device``, ``transform``.
Evidence: the integers; where weights and images are from; ``correct``, which images were right, one
bit each in the order of the manifest (zlib, base64), of a complete run; the file in the cache with
the five best classes of every image.
Cost: the model's own time for the images. Source: the accuracy columns of the papers' tables.
"""

import base64
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module

import numpy
import torch
from numpy.typing import NDArray
from pydantic import JsonValue
from torch import Tensor, nn

from reproductions.artifact_cache import cache_folder, evidence, locate
from reproductions.asking import is_asked, is_enough
from reproductions.catalog import (
    ANALYSIS,
    TIMM_DEFAULT,
    Top1AccuracyParams,
    Transform,
    trained_transform,
)
from reproductions.checkpoints import load_weights
from reproductions.contract import (
    Device,
    Measurement,
    NotMeasurableError,
    Quantity,
    reproduction,
)
from reproductions.decoded_images import DecodedImages
from reproductions.errors import ReproductionError
from reproductions.files import write_whole
from reproductions.image_manifest import Manifest, manifest_of
from reproductions.labeled_images import Images, labeled_images
from reproductions.placement import class_name, place_of
from reproductions.precision import precision
from reproductions.without_replacement import bounds

ERROR_RATE = 0.01
CLASSES = 1000
BEST = 5
UNSEEN = 2**16 - 1
"""In the place of the classes of an image that was not seen."""
_FIRST_ASKED = 50
_ASKED_EVERY = 1.1
_FIRST_LOOK = 100
"""The early look is after one of so many images, and after so many at least."""
_AHEAD = 2


@reproduction
def top1_accuracy(params: Top1AccuracyParams, device: Device) -> Measurement:
    """Count the images that ``params.model`` classifies rightly."""
    weights = _weights(params)
    _all_there(weights, params.images_of())
    place = _place(params, device)
    model, told = load_weights(params.model, weights, implementation=params.implementation)
    transform = _transform(params, model)
    images = labeled_images(params.images_of())
    manifest = manifest_of(images)
    run = _Run(
        images,
        {
            "complete": False,
            "device": class_name(place),
            "transform": transform.model_dump(mode="json"),
        },
    )
    order = images.shuffled(params.seed)
    torch.manual_seed(params.seed)
    with DecodedImages(images, manifest, transform) as decoded:
        _see(run, params, Classifier(model.to(place), transform, params, place), decoded, order)
        decoded_here = decoded.decoded
    sources: dict[str, JsonValue] = {
        "weights": told,
        "data": evidence(images.artifact, listed=False),
        "manifest": manifest.sha256,
        "decoded_here": decoded_here,
    }
    return run.measured(sources | _kept(run, params, told, manifest, transform))


# -- what is wanted ---------------------------------------------------------------------


def _weights(params: Top1AccuracyParams) -> str:
    """Name the artifact of the weights."""
    names = params.weights_of()
    if len(names) != 1:
        found = " and ".join(names) or "none"
        raise ReproductionError(
            f"top1_accuracy: want one artifact with weights of {params.model}, found {found}; "
            "name one in the param weights"
        )
    return names[0]


def _all_there(*names: str) -> None:
    """Say everything that is missing at once."""
    missing = []
    for name in names:
        try:
            locate(name, listed=False)  # images are held to their manifest
        except NotMeasurableError as obstacle:
            missing.append(str(obstacle))
            if "`" not in missing[-1]:
                break  # nothing to fetch: what else is missing does not matter
    if missing:
        raise NotMeasurableError("; ".join(missing))


def _place(params: Top1AccuracyParams, device: Device) -> torch.device:
    if params.device == "any":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return place_of("top1_accuracy", device, wants_cuda=params.wants_cuda())


def _transform(params: Top1AccuracyParams, model: nn.Module) -> Transform:
    if isinstance(params.transform, Transform):
        return params.transform
    trained = trained_transform(params.model)
    if trained is None:
        config = import_module("timm.data").resolve_model_data_config(model)
        trained = Transform.of_timm(config)
        if params.transform == "timm_default":
            return trained  # timm knows its own models
    return {"trained": trained, "analysis": ANALYSIS, "timm_default": TIMM_DEFAULT}[
        params.transform
    ]


# -- seeing images ----------------------------------------------------------------------


@dataclass(frozen=True)
class Classifier:
    """A model with what comes before it on the device."""

    model: nn.Module
    transform: Transform
    params: Top1AccuracyParams
    place: torch.device

    def __call__(self, pixels: NDArray[numpy.uint8]) -> Tensor:
        """Classify: (B, 3, H, W) from 0 to 255 -> (B, 1000), on the CPU."""
        images = torch.from_numpy(pixels).to(self.place, non_blocking=True).float()
        mean, std = (
            torch.tensor(given, device=self.place)[:, None, None] * 255
            for given in (self.transform.mean, self.transform.std)
        )
        with torch.inference_mode(), precision(self.params.precision, self.place):
            logits: Tensor = self.model((images - mean) / std)
        if logits.shape != (len(images), CLASSES):
            raise ReproductionError(
                f"top1_accuracy: want ({len(images)}, {CLASSES}) outputs of {self.params.model}, "
                f"got {tuple(logits.shape)}; its classes are not those of ImageNet-1k"
            )
        logits = logits.float().cpu()
        if not bool(logits.isfinite().all()):
            raise ReproductionError(
                f"top1_accuracy: want finite outputs of {self.params.model}, got others; its "
                "weights or the precision are not fit for it"
            )
        return logits


@dataclass
class _Run:
    """What was seen so far."""

    images: Images
    facts: dict[str, JsonValue]
    seen: int = 0
    right: dict[str, int] = field(default_factory=dict)
    """Images that are right, by key."""
    ties: int = 0
    """Images whose two highest outputs are equal."""
    first: tuple[int, dict[str, int]] | None = None
    """At the early look, images seen and right."""
    best: NDArray[numpy.uint16] = field(init=False)
    """(N, 5), the five best classes of every image, by its place in the manifest."""
    labels: NDArray[numpy.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.best = numpy.full((len(self.images.all), BEST), UNSEEN, dtype=numpy.uint16)
        self.labels = numpy.array([image.label for image in self.images.all])

    def add(self, numbers: Sequence[int], logits: Tensor) -> None:
        """Count a batch: logits (B, 1000) of the images at these places."""
        highest = logits.topk(BEST)
        best, labels = highest.indices.numpy(), self.labels[list(numbers)]
        self.best[list(numbers)] = best
        self.ties += int((highest.values[:, 0] == highest.values[:, 1]).sum())
        right = {"top1": best[:, 0] == labels, "top5": (best == labels[:, None]).any(1)}
        if self.images.classes is not None:
            classes = numpy.array(self.images.classes)
            among = logits[:, torch.from_numpy(classes)].argmax(1).numpy()
            right[f"top1_{len(classes)}way"] = classes[among] == labels
        for key, which in right.items():
            self.right[key] = self.right.get(key, 0) + int(which.sum())
        self.seen += len(numbers)

    def measured(self, evidence: Mapping[str, JsonValue] | None = None) -> Measurement:
        """Give what is known: exact once everything was seen, bounds until then."""
        total = len(self.images.all)
        told: dict[str, JsonValue] = {"complete": self.seen == total, "seen": self.seen}
        counts: dict[str, JsonValue] = {"correct_of_seen": dict(self.right), "ties": self.ties}
        if self.first is not None and self.seen < total:
            counts["first_look"] = {"seen": self.first[0], "correct": dict(self.first[1])}
        return Measurement(
            values={key: self._quantity(key, total) for key in self.right},
            facts=self.facts | told | {"images": total},
            evidence=counts | dict(evidence or {}),
        )

    def _quantity(self, key: str, total: int) -> Quantity:
        right = self.right[key]
        if self.seen == total:
            return Quantity.exact(100 * right / total, "percent")
        first = (self.first[1][key], self.first[0]) if self.first is not None else None
        low, high = bounds(right, self.seen, total, ERROR_RATE, first)
        return Quantity(
            value=100 * right / self.seen,
            low=min(100 * low / total, 100 * right / self.seen),
            high=max(100 * high / total, 100 * right / self.seen),
            level=ERROR_RATE,
            unit="percent",
        )

    def correct(self) -> str:
        """Write which images were right, one bit each, as text."""
        bits = numpy.packbits(self.best[:, 0] == self.labels)
        return base64.b64encode(zlib.compress(bits.tobytes(), 9)).decode()


def _see(
    run: _Run,
    params: Top1AccuracyParams,
    classify: Classifier,
    decoded: DecodedImages,
    order: Sequence[int],
) -> None:
    """Classify image after image until all are seen, or enough is known."""
    ask_at, first = _FIRST_ASKED, max(_FIRST_LOOK, len(order) // _FIRST_LOOK)
    parts = [*in_parts(order[:first], params.batch), *in_parts(order[first:], params.batch)]
    for numbers, pixels in batches(decoded, parts):
        run.add(numbers, classify(pixels))
        if run.seen == first:
            run.first = (run.seen, dict(run.right))
            ask_at = first
        if run.seen < ask_at or run.seen == len(order) or not is_asked():
            continue
        if is_enough(run.measured()):
            return
        ask_at = max(run.seen + 1, int(run.seen * _ASKED_EVERY))


def in_parts(order: Sequence[int], size: int) -> list[Sequence[int]]:
    """Cut images into batches; the last may be smaller."""
    return [order[start : start + size] for start in range(0, len(order), size)]


def batches(
    decoded: DecodedImages, parts: Sequence[Sequence[int]]
) -> Iterator[tuple[Sequence[int], NDArray[numpy.uint8]]]:
    """Yield parts with their pixels, (B, 3, H, W); those that come next are read meanwhile."""
    with ThreadPoolExecutor(_AHEAD) as ahead, ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [ahead.submit(decoded.batch, part, pool) for part in parts[:_AHEAD]]
        try:
            for number, part in enumerate(parts):
                pixels = waiting.pop(0).result()
                if number + _AHEAD < len(parts):
                    waiting.append(ahead.submit(decoded.batch, parts[number + _AHEAD], pool))
                yield part, pixels
        finally:
            for left in waiting:
                left.cancel()


# -- what is kept -----------------------------------------------------------------------


def _kept(
    run: _Run,
    params: Top1AccuracyParams,
    weights: Mapping[str, JsonValue],
    manifest: Manifest,
    transform: Transform,
) -> dict[str, JsonValue]:
    """Keep the classes of every image in the cache, and what a ledger should hold of them."""
    of = [params.model_dump(mode="json"), weights.get("sha256"), manifest.sha256, str(transform)]
    name = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:32]
    path = cache_folder() / "predictions" / f"{name}.npz"
    buffer = io.BytesIO()
    numpy.savez_compressed(buffer, top5=run.best, labels=run.labels.astype(numpy.uint16))
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise ReproductionError(
            f"{path}: want to write the classes of every image, found: {error.strerror}; make "
            "room or the folder writable"
        ) from error
    kept: dict[str, JsonValue] = {
        "predictions": path.name,
        "predictions_sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
    }
    return kept | ({"correct": run.correct()} if run.seen == len(run.images.all) else {})
