"""Specs of what needs trained weights and images: accuracy, detection. Imports no torch."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from reproductions.artifacts import serving
from reproductions.contract import Convention, Spec, declare
from reproductions.model_names import supplier_of
from reproductions.model_params import ModelParams
from vig_models.pretrained import IMAGENET_MEAN, IMAGENET_STD, pretrained_cfg

__all__ = [
    "ANALYSIS",
    "IMAGES_OF",
    "TIMM_DEFAULT",
    "DetectionApParams",
    "Top1AccuracyParams",
    "Transform",
    "trained_transform",
]

Mean = Annotated[float, Field(ge=0, le=1)]
Deviation = Annotated[float, Field(gt=0, le=1)]
SIDE = 224


class Transform(BaseModel):
    """How a picture becomes the input of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    resize: int = Field(ge=1)
    """Short side before the crop, in pixels."""
    crop: int = Field(ge=1)
    """Side of the square that is cut out, in pixels."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"]
    mean: tuple[Mean, Mean, Mean]
    """What is subtracted of each channel, pixels being from 0 to 1."""
    std: tuple[Deviation, Deviation, Deviation]
    """What each channel is divided by then."""
    crop_mode: Literal["center", "squash", "border"] = "center"
    """In timm's words: the middle; of the picture squeezed into a square; of it with a border."""

    @classmethod
    def of_timm(cls, config: dict[str, Any]) -> "Transform":
        """Read the data configuration of a model as timm writes it."""
        side = int(config["input_size"][-1])
        return cls(
            resize=math.floor(side / config["crop_pct"]),
            crop=side,
            interpolation=config["interpolation"],
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
            crop_mode=config.get("crop_mode") or "center",
        )

    def __str__(self) -> str:
        """Say it for people."""
        mode = "" if self.crop_mode == "center" else f" ({self.crop_mode})"
        numbers = [", ".join(f"{n:g}" for n in given) for given in (self.mean, self.std)]
        return (
            f"resized to {self.resize} {self.interpolation}, cropped to {self.crop}{mode}, "
            f"mean {numbers[0]}, std {numbers[1]}"
        )


ANALYSIS = Transform(
    resize=SIDE, crop=SIDE, interpolation="bilinear", mean=IMAGENET_MEAN, std=IMAGENET_STD
)
"""The short side to 224, bilinear, the middle of it, as an analysis of ViG-S took its images."""

TIMM_DEFAULT = Transform(
    resize=256, crop=SIDE, interpolation="bicubic", mean=IMAGENET_MEAN, std=IMAGENET_STD
)
"""What timm falls back to, without a word, for a model that it was told nothing of."""


_MISTAKES = {"analysis": ANALYSIS, "timm_default": TIMM_DEFAULT}


def trained_transform(model: str) -> Transform | None:
    """Give the evaluation transform of a variant's authors; of other models only timm knows it."""
    return Transform.of_timm(pretrained_cfg(model)) if supplier_of(model) == "vig_models" else None


IMAGES_OF = {
    "imagenet-1k-val": "data/imagenet_val",
    "imagenet-a": "data/imagenet_a",
    "imagenet-v2": "data/imagenet_v2",
}
"""A data set, as params name it, to the artifact that holds it."""

NamedTransform = Literal["trained", "analysis", "timm_default"]
_NAMED: tuple[str, ...] = get_args(NamedTransform)


def _one_of(given: str, names: list[str], prefix: str) -> str:
    if given in names or (given.startswith(prefix) and given != prefix):
        return given
    raise _wanted(f"{', '.join(names)} or the name of an artifact, {prefix}...", given)


def _wanted(what: str, given: object) -> PydanticCustomError:
    return PydanticCustomError("wanted", "{what}", {"what": what, "given": str(given)})


class Top1AccuracyParams(ModelParams):
    """Which weights classify which images, seen how."""

    weights: str
    """An artifact; ``released``: that of the model's authors, or the one that timm's model has."""
    dataset: str
    """``imagenet-1k-val``, ``imagenet-a``, ``imagenet-v2``; ``data/...`` is an artifact of a
    project's own, of classes of ImageNet-1k."""
    transform: NamedTransform | Transform
    """``trained``: as its authors evaluate it; timm's models as their ``pretrained_cfg`` says.
    ``analysis`` and ``timm_default`` are mistakes that were made."""
    precision: Literal["tf32_off", "autocast_bf16"]
    batch: int = Field(ge=1)
    """Images of a pass; changes nothing but rounding."""
    device: Literal["any", "cpu", "cuda"]
    """``any``: a GPU where there is one; the facts say which."""
    implementation: Literal["fast", "published"] = "fast"
    """``published``: the operations that the authors' code runs; ``fast``: ours, equal outputs."""
    seed: int = Field(default=0, ge=0)
    """Of the order of the images, and of what the model draws."""

    @field_validator("weights")
    @classmethod
    def _an_artifact(cls, given: str) -> str:
        return _one_of(given, ["released"], "weights/")

    @field_validator("dataset")
    @classmethod
    def _a_data_set(cls, given: str) -> str:
        return _one_of(given, list(IMAGES_OF), "data/")

    @field_validator("transform", mode="before")
    @classmethod
    def _a_transform(cls, given: object) -> object:
        """Take a name, or every part by name; two kinds of one field have no clear refusal."""
        if isinstance(given, Transform) or given in _NAMED:
            return given
        if not isinstance(given, dict):
            raise _wanted(f"{', '.join(_NAMED)} or an object with every part", given)
        try:
            found = Transform.model_validate_json(json.dumps(given))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _wanted(f"{where}: {first['msg']}", given) from error
        # Timm would surround the picture with black; a few of its own models want just that.
        if found.crop_mode == "center" and found.resize < found.crop:
            raise _wanted(f"resize of at least the crop, {found.crop}", found.resize)
        return found

    def wants_cuda(self) -> bool:
        """Tell whether only a CUDA device will do."""
        return self.device == "cuda"

    def weights_of(self) -> tuple[str, ...]:
        """Name the artifacts that may be meant by the weights; one, if all is well."""
        if self.weights != "released":
            return (self.weights,)
        return (f"weights/{self.model}",) if self._is_ours() else serving(self.model)

    def images_of(self) -> str:
        """Name the artifact of the images."""
        return IMAGES_OF.get(self.dataset, self.dataset)

    def artifacts(self) -> tuple[str, ...]:
        """Name the weights and the images."""
        return (*self.weights_of(), self.images_of())

    def packages(self) -> tuple[str, ...]:
        """Name those that supply the model, and those that decode and resize the images."""
        return tuple(dict.fromkeys([*super().packages(), "timm", "pillow", "torchvision"]))

    def mistaken(self) -> str | None:
        """Say which mistake in the transform is measured here; None if there is none known."""
        return self._unlike(trained_transform(self.model))

    def mistaken_beside(self, meant: Mapping[str, JsonValue]) -> str | None:
        """Say so of a model that is not ours too: timm's transform of it is among the facts."""
        told = meant.get("transform")
        found = Transform.model_validate_json(json.dumps(told)) if told is not None else None
        return self._unlike(trained_transform(self.model) or found)

    def _unlike(self, trained: Transform | None) -> str | None:
        named = self.transform
        if named == "trained" or (named == "timm_default" and not self._is_ours()):
            return None  # timm knows its own models
        used = named if isinstance(named, Transform) else _MISTAKES[named]
        if used == trained:
            return None
        colors = trained is not None and (used.mean, used.std) == (trained.mean, trained.std)
        if colors and used not in _MISTAKES.values():
            return None  # another crop may be meant so
        told = trained or "as timm's configuration of it says"
        return f"images {used}, while the model is evaluated with images {told}"

    def _is_ours(self) -> bool:
        return supplier_of(self.model) == "vig_models"

    def corrected(self) -> Self:
        """Give the same with the transform that the model is meant for."""
        return self.model_copy(update={"transform": "trained"})


TOP1_ACCURACY = declare(
    Spec(
        name="top1_accuracy",
        module="reproductions.top1_accuracy",
        params=Top1AccuracyParams,
        unit="percent",
        conventions=(
            Convention(name="top1", counts="images whose class has the highest of 1,000 outputs"),
            Convention(
                name="top1_200way",
                counts="images whose class has the highest output of the 200 of ImageNet-A",
            ),
        ),
        facts=("top5", "complete", "seen", "images", "device", "transform"),
        better="higher",
        protocol=1,
        cost_s=900,
        time_limit_s=2 * 86400,
        memory_limit_gib=16,
        tolerance=("0.10", "point"),
    )
)


class DetectionApParams(ModelParams):
    """Which backbone a detector has that was trained how."""

    dataset: Literal["coco-2017-val"]
    detector: Literal["mask-rcnn-fpn", "retinanet-fpn"]
    epochs: int = Field(ge=1)
    """Of training on COCO 2017, from a backbone trained on ImageNet-1k."""
    image_size: str = Field(pattern=r"^\d+x\d+$")
    """Longer and shorter side that images are resized to fit, in pixels."""
    weights: Literal["released"]
    """Those of the whole detector, as its authors trained it."""


DETECTION_AP = declare(
    Spec(
        name="detection_ap",
        module="reproductions.detection_ap",
        params=DetectionApParams,
        unit="AP",
        conventions=(Convention(name="ap_box", counts="boxes, over IoU from 0.50 to 0.95"),),
        facts=("ap50_box", "ap75_box", "ap_mask", "ap50_mask", "ap75_mask"),
        better="higher",
        protocol=1,
        cost_s=1,
        time_limit_s=300,
        memory_limit_gib=8,
    )
)
