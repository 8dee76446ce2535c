"""Every reproduction of this package as a ``Spec``: its params, unit and conventions.

Imports no torch. The function of the same name stands in the module of the same name.
"""

from typing import Literal

from pydantic import Field

from reproductions import model_names
from reproductions.contract import Params, Spec, declare
from reproductions.conventions import (
    MULTIPLY_ACCUMULATE_CONVENTIONS,
    PARAMETER_CONVENTIONS,
    THROUGHPUT_CONVENTIONS,
)
from reproductions.pooling import PROCESSES, pool_throughput

_LAYERS_FROM = {"clustervig": ("torch-geometric",)}
"""Family of ours to the packages whose versions its measurements depend on."""


class ModelParams(Params):
    """Params of a reproduction that runs one model."""

    model: str

    def subject(self) -> str:
        """Name the model measured."""
        return self.model

    def family(self) -> str | None:
        """Name the model's family as its registry has it."""
        return model_names.family_of(self.model)

    def absent(self) -> str | None:
        """Say that the model does not exist."""
        if model_names.supplier_of(self.model) is not None:
            return None
        return f"no model named {self.model!r}"

    def suggestion(self) -> str:
        """Name the nearest model that exists."""
        return model_names.suggestion_for(self.model)

    def modules(self) -> tuple[str, ...]:
        """Name the module of ``vig_models`` that holds the model; none for timm's."""
        module = model_names.module_of(self.model)
        return (module,) if module else ()

    def packages(self) -> tuple[str, ...]:
        """Name timm where it supplies the model, or what our model takes layers from."""
        if model_names.supplier_of(self.model) == "timm":
            return ("timm",)
        return _LAYERS_FROM.get(model_names.family_of(self.model) or "", ())


class ArchitectureParams(ModelParams):
    """Which classifier to look into."""

    num_classes: int = Field(default=1000, ge=1)
    """Outputs of the classifier."""


ARCHITECTURE = declare(
    Spec(
        name="architecture",
        module="reproductions.architecture",
        params=ArchitectureParams,
        unit="nodes",
        conventions=(),
        facts=(
            "type",
            "type_of_blocks",
            "mixing",
            "blocks",
            "stages",
            "depths",
            "widths",
            "grids",
            "isotropic",
            "stem_strides",
            "num_nodes",
            "channels",
            "heads",
            "image_size",
            "graph",
            "neighbors",
            "edges_per_node",
            "partitions",
            "hyperedges",
            "dilation",
            "reduction",
        ),
        readings={"type": ("type_of_blocks",)},
        better="none",
        protocol=1,
        cost_s=2,
        time_limit_s=300,
        memory_limit_gib=4,
    )
)


class MultiplyAccumulatesParams(ModelParams):
    """Which classifier to run, on what."""

    num_classes: int = Field(default=1000, ge=0)
    """Outputs of the classifier; 0 leaves it away and counts the backbone alone."""
    image_size: int = Field(default=224, ge=1)
    """Side of the one square image, in pixels."""
    implementation: Literal["fast", "published"] = "published"
    """``published``: the operations that the authors' code runs; ``fast``: ours, equal outputs."""


MULTIPLY_ACCUMULATES = declare(
    Spec(
        name="multiply_accumulates",
        module="reproductions.multiply_accumulates",
        params=MultiplyAccumulatesParams,
        unit="GMAC",
        conventions=MULTIPLY_ACCUMULATE_CONVENTIONS,
        better="none",
        tried=tuple({"image_size": size} for size in (256, 288, 384)),
        protocol=1,
        cost_s=0.5,
        time_limit_s=300,
        memory_limit_gib=4,
    )
)


class ParameterCountParams(ModelParams):
    """Which classifier to count."""

    num_classes: int = Field(default=1000, ge=0)
    """Outputs of the classifier; 0 leaves it away and counts the backbone alone."""


PARAMETER_COUNT = declare(
    Spec(
        name="parameter_count",
        module="reproductions.parameter_count",
        params=ParameterCountParams,
        unit="Mparam",
        conventions=PARAMETER_CONVENTIONS,
        better="none",
        protocol=1,
        cost_s=0.5,
        time_limit_s=300,
        memory_limit_gib=4,
    )
)


Precision = Literal["default", "tf32_off", "tf32_on", "autocast_fp16", "autocast_bf16"]
"""What float32 models are computed in; ``default`` is PyTorch's, with TF32 in convolutions."""


class ThroughputParams(ModelParams):
    """Which classifier to time, on what and how; the weights and the images come from seed 0."""

    num_classes: int = Field(default=1000, ge=0)
    """Outputs of the classifier; 0 leaves it away."""
    batch: int = Field(ge=1)
    """Images per forward pass."""
    image_size: int = Field(default=224, ge=1)
    """Side of the square images, in pixels."""
    precision: Precision
    layout: Literal["channels_last", "contiguous"] = "contiguous"
    """Of the images and weights in memory."""
    compiled: bool = False
    """Whether ``torch.compile`` goes over the model, with its default settings."""
    implementation: Literal["fast", "published"] = "published"
    """``published``: the operations that the authors' code runs; ``fast``: ours, equal outputs."""
    device: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """``cpu``; ``cuda``; or the model of a GPU, as ``rtx-6000-ada``, that a claim speaks of.

    A model of GPU stands for any CUDA device: what ran is in the evidence, and whether the two
    can be compared is for the verdict to say.
    """


THROUGHPUT = declare(
    Spec(
        name="throughput",
        module="reproductions.throughput",
        params=ThroughputParams,
        unit="images/s",
        conventions=THROUGHPUT_CONVENTIONS,
        facts=("latency", "outcome"),
        better="higher",
        protocol=1,
        cost_s=60,
        time_limit_s=1800,
        memory_limit_gib=64,
        tolerance=("5", "percent"),
        processes=PROCESSES,
        pool=pool_throughput,
    )
)
