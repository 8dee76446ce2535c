"""Spec of what graphs join, layer by layer. Imports no torch."""

from collections.abc import Mapping
from itertools import product
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from reproductions.catalog_accuracy import ANALYSIS, trained_transform
from reproductions.contract import Spec, Unit, declare
from reproductions.model_params import ModelParams

DATASETS = {"imagenet-1k-val": "data/imagenet_val", "imagenet-a": "data/imagenet_a"}
"""A data set, as params name it, to the artifact that holds it."""


def weights_of(model: str) -> str:
    """Name the artifact of the authors' weights."""
    return f"weights/{model}"


MASKS = {
    ("boxes", "imagenet-1k-val"): "data/imagenet_val_boxes",
    ("given", "imagenet-1k-val"): "data/imagenet_val_masks",
    ("given", "imagenet-a"): "data/imagenet_a_masks",
}
"""Where the objects of a data set's images are, by what params call it, to the artifact."""


class GraphStatisticsParams(ModelParams):
    """Whose graphs, on which images."""

    weights: Literal["authors", "random"]
    """``random``: as a fresh model has them, from the seed, its BatchNorms calibrated."""
    dataset: Literal["imagenet-1k-val", "imagenet-a", "generated"]
    """``generated``: images drawn from the seed, which any machine can make."""
    images: int = Field(ge=16)
    """How many, in an order drawn from the seed."""
    transform: Literal["trained", "analysis"]
    """``trained``: the authors' evaluation; ``analysis``: short side to 224, bilinear, center
    crop, mean and deviation of ImageNet. Generated images are only normalized."""
    masks: Literal["none", "boxes", "given", "drawn"] = "none"
    """Where the object is: inside the boxes of ILSVRC (a stand-in for its outline), in a folder of
    masks, or where a generated image was given one."""
    mask_alignment: Literal["paper", "crop"] = "crop"
    """``paper``: the mask of the whole image is squeezed into a square, as there; ``crop``: it is
    resized and cropped as the image is."""
    seed: int = Field(default=0, ge=0)
    """Of random weights, of the order of the images, of what is drawn."""
    device: Literal["any", "cpu", "cuda"] = "any"
    """``any``: a GPU where there is one."""

    def artifacts(self) -> tuple[str, ...]:
        """Name the weights, the data set and the masks that are read."""
        weights = (weights_of(self.model),) if self.weights == "authors" else ()
        data = (DATASETS.get(self.dataset), MASKS.get((self.masks, self.dataset)))
        return (*weights, *(name for name in data if name is not None))

    def wants_cuda(self) -> bool:
        """Tell whether only a CUDA device will do."""
        return self.device == "cuda"

    def mistaken(self) -> str | None:
        """Say that images are normalized for another model; random weights know of none."""
        trained = trained_transform(self.model)
        if self.transform == "trained" or self.weights == "random" or trained in (None, ANALYSIS):
            return None
        return f"images {ANALYSIS}, while the model is evaluated with images {trained}"

    def corrected(self) -> Self:
        """Give the same with the transform that the model is meant for."""
        return self.model_copy(update={"transform": "trained"})

    @model_validator(mode="after")
    def _masks_fit(self) -> Self:
        known = [what for what, dataset in MASKS if dataset == self.dataset]
        known = ["none", *(known or ["drawn"])]
        if self.masks not in known:
            raise PydanticCustomError(
                "masks",
                "want masks of {dataset} from {known}, got {given}",
                {"dataset": self.dataset, "known": " or ".join(known), "given": self.masks},
            )
        return self


LAYERS = 16
"""Blocks of ViG-S, which the papers speak of; a deeper model has the same keys for more."""

LAST = 2
"""Layers that are "the final layers" where a mean is taken over them."""

LAYER_STATISTICS: Mapping[str, Unit] = {
    "spatial_distance": "patches",
    "spatial_distance_undilated": "patches",
    "visual_similarity_normalized": "cosine",
    "visual_similarity_normalized_undilated": "cosine",
    "visual_similarity_raw": "cosine",
    "visual_similarity_raw_undilated": "cosine",
    "embedding_similarity": "cosine",
    "embedding_similarity_undilated": "cosine",
    "embedding_similarity_all_pairs": "cosine",
    "embedding_similarity_searched": "cosine",
    "class_probability": "probability",
    "modularity": "modularity",
    "modularity_proper": "modularity",
    "modularity_shuffled": "modularity",
    "partition_modularity": "modularity",
}
"""What is measured of every block that has it, and in which unit; keys end in the layer."""

MEANS = ("class_probability", "modularity", "modularity_proper")
"""Statistics that are averaged over layers too."""

_OTHER_READINGS = {
    "visual_similarity_normalized": ("visual_similarity_raw",),
    "embedding_similarity": ("embedding_similarity_searched",),
    "modularity": ("modularity_proper",),
}


def key_of(statistic: str, layer: int) -> str:
    """Give the key of a statistic in a layer, counted from 1."""
    return f"{statistic}_{layer:02d}"


def _units() -> dict[str, Unit]:
    keys: dict[str, Unit] = {
        key_of(name, layer): unit
        for (name, unit), layer in product(LAYER_STATISTICS.items(), range(1, LAYERS + 1))
    }
    for name in MEANS:
        keys[f"{name}_mean"] = keys[f"{name}_last_two"] = LAYER_STATISTICS[name]
    return keys


def _readings() -> dict[str, tuple[str, ...]]:
    """Pair every key with those that read the same words otherwise."""
    found = {
        key_of(name, layer): tuple(key_of(other, layer) for other in others)
        for name, others in _OTHER_READINGS.items()
        for layer in range(1, LAYERS + 1)
    }
    found[key_of("class_probability", LAYERS)] = ("class_probability_last_two",)
    found["modularity_mean"] = ("modularity_proper_mean",)
    return found


GRAPH_STATISTICS = declare(
    Spec(
        name="graph_statistics",
        module="reproductions.graph_statistics",
        params=GraphStatisticsParams,
        unit="cosine",
        units=_units(),
        conventions=(),
        facts=tuple(_units()),
        readings=_readings(),
        better="none",
        protocol=1,
        cost_s=20,
        time_limit_s=12 * 3600,
        memory_limit_gib=16,
    )
)
