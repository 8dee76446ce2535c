"""Every reproduction of this package as a ``Spec``: its params, unit and conventions.

Imports no torch. The function of the same name stands in the module of the same name.
"""

from typing import Literal

from pydantic import Field

from reproductions import model_names
from reproductions.contract import Convention, Params, Spec, declare
from reproductions.conventions import (
    MULTIPLY_ACCUMULATE_CONVENTIONS,
    PARAMETER_CONVENTIONS,
    THROUGHPUT_CONVENTIONS,
)
from reproductions.pooling import PROCESSES, pool_throughput

Precision = Literal["default", "tf32_off", "tf32_on", "autocast_fp16", "autocast_bf16"]
"""What float32 models are computed in; ``default`` is PyTorch's, with TF32 in convolutions."""

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


class StepParams(ModelParams):
    """Which classifier to run, on what."""

    num_classes: int = Field(default=1000, ge=1)
    """Outputs of the classifier."""
    batch: int = Field(ge=1)
    """Images of a pass."""
    image_size: int = Field(default=224, ge=1)
    """Side of the square images, in pixels."""
    implementation: Literal["fast", "published"] = "published"
    device: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """``cpu``; ``cuda``; or the class of a GPU, as ``rtx-6000-ada``, that a claim speaks of.

    A class of GPU stands for any CUDA device: what ran is in the facts, and whether the two can
    be compared is for the verdict to say.
    """

    def printed_on(self) -> str | None:
        """Name the class of GPU that printed figures were taken on."""
        return None if self.device in {"cpu", "cuda"} else self.device

    def wants_cuda(self) -> bool:
        """Tell whether only a CUDA device will do."""
        return self.device != "cpu"


class ThroughputParams(StepParams):
    """Which classifier to time, on what and how; the weights and the images come from seed 0."""

    precision: Precision
    layout: Literal["channels_last", "contiguous"] = "contiguous"
    """Of the images and weights in memory."""
    compiled: bool = False
    """Whether ``torch.compile`` goes over the model, with its default settings."""


THROUGHPUT = declare(
    Spec(
        name="throughput",
        module="reproductions.throughput",
        params=ThroughputParams,
        unit="images/s",
        conventions=THROUGHPUT_CONVENTIONS,
        facts=("outcome", "device", "kernel", "session", "latency", "noise_floor", "allocated"),
        better="higher",
        protocol=1,
        cost_s=20,
        time_limit_s=600,
        memory_limit_gib=64,
        tolerance=("5", "percent"),
        processes=PROCESSES,
        pool=pool_throughput,
    )
)


class AnchorsParams(Params):
    """Where to time the known loads."""

    device: Literal["cpu", "cuda"]

    def wants_cuda(self) -> bool:
        """Tell whether only a CUDA device will do."""
        return self.device == "cuda"


ANCHORS = declare(
    Spec(
        name="anchors",
        module="reproductions.anchors",
        params=AnchorsParams,
        unit="images/s",
        conventions=(Convention(name="model", counts="images a second of the pinned model"),),
        facts=("matmul", "copy", "device"),
        better="higher",
        protocol=1,
        cost_s=2,
        time_limit_s=120,
        memory_limit_gib=8,
    )
)


class PeakMemoryParams(StepParams):
    """Whose memory to measure, in which pass, on which card."""

    mode: Literal["inference", "training"] = "inference"
    precision: Precision = "default"
    card_gib: float | None = Field(default=None, gt=0)
    """Memory of the card that a GPU is to be held to; None leaves it all."""


PEAK_MEMORY = declare(
    Spec(
        name="peak_memory",
        module="reproductions.peak_memory",
        params=PeakMemoryParams,
        unit="GiB",
        conventions=(Convention(name="allocated", counts="what tensors take"),),
        facts=("outcome", "device", "cap_gib", "activations", "reserved", "driver"),
        better="lower",
        protocol=1,
        cost_s=5,
        time_limit_s=300,
        memory_limit_gib=24,
        tolerance=("5", "percent"),
    )
)


class TrainingMemoryParams(StepParams):
    """Whose training step to measure, and how it keeps its activations."""

    checkpoints: Literal["none", "layers", "graphers", "segments"] = "none"
    """What is run again in the backward pass instead of being kept."""
    segments: int = Field(default=1, ge=1)
    """Rows of layers, for ``segments``."""
    micro_batches: int = Field(default=1, ge=1)
    """Parts of the batch whose gradients are added up."""
    budget_gib: float | None = Field(default=None, gt=0)
    """Memory in which the largest batch is looked for; None looks for none."""
    seed: int = Field(default=0, ge=0)


TRAINING_MEMORY = declare(
    Spec(
        name="training_memory",
        module="reproductions.training_memory",
        params=TrainingMemoryParams,
        unit="GiB",
        conventions=(Convention(name="allocated", counts="what tensors take"),),
        facts=(
            "device",
            "gradients",
            "peak_ratio",
            "operations_ratio",
            "gradient_distance",
            "gradient_cosine",
            "batchnorm_updates",
            "batchnorm_drift",
            "batchnorm_drift_mended",
            "images_per_second",
            "largest_batch",
        ),
        better="lower",
        protocol=1,
        cost_s=10,
        time_limit_s=600,
        memory_limit_gib=24,
    )
)
