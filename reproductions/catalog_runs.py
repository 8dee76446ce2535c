"""Specs of what takes time and memory as it runs: speed, memory, training. Imports no torch."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from reproductions.contract import Convention, Params, Spec, declare
from reproductions.conventions import THROUGHPUT_CONVENTIONS
from reproductions.model_params import Precision, StepParams
from reproductions.pooling import PROCESSES, pool_throughput


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
        facts=(
            "outcome",
            "device",
            "kernel",
            "session",
            "latency",
            "noise_floor",
            "allocated",
            "allocated_at_least",
        ),
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

    @model_validator(mode="after")
    def _has_card(self) -> Self:
        if self.card_gib is not None and not self.wants_cuda():
            raise PydanticCustomError(
                "card_gib",
                "want a device with a card for card_gib, got {device}; name one or leave card_gib "
                "out",
                {"device": self.device},
            )
        return self


PEAK_MEMORY = declare(
    Spec(
        name="peak_memory",
        module="reproductions.peak_memory",
        params=PeakMemoryParams,
        unit="GiB",
        conventions=(Convention(name="allocated", counts="what tensors take"),),
        facts=(
            "outcome",
            "device",
            "kernel",
            "cap_gib",
            "activations",
            "reserved",
            "driver",
            "allocated_at_least",
        ),
        better="lower",
        protocol=1,
        cost_s=5,
        time_limit_s=300,
        memory_limit_gib=24,
        tolerance=("5", "percent"),
    )
)


class TrainingParams(StepParams):
    """What is trained on, in how many parts."""

    micro_batches: int = Field(default=1, ge=1)
    """Parts of the batch whose gradients are added up."""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.batch % self.micro_batches:
            raise PydanticCustomError(
                "micro_batches",
                "want micro_batches that divide the batch of {batch}, got {micro_batches}; "
                "change either",
                {"batch": self.batch, "micro_batches": self.micro_batches},
            )
        return self


class TrainingMemoryParams(TrainingParams):
    """Whose training step to measure, and how it keeps its activations."""

    checkpoints: Literal["none", "layers", "graphers", "segments"] = "none"
    """What is run again in the backward pass instead of being kept."""
    segments: int = Field(default=1, ge=1)
    """Rows of layers, for ``segments``."""
    budget_gib: float | None = Field(default=None, gt=0)
    """Memory in which the largest batch is looked for; None looks for none."""
    grid: int | None = Field(default=None, ge=1)
    """Rows and columns of nodes, of a family with such a setting; None leaves the variant's own."""
    partitions: int | None = Field(default=None, ge=1)
    """Of the nodes, likewise; neighbors are looked for inside each."""
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
            "outcome_plain",
            "allocated_plain",
            "peak_ratio",
            "operations",
            "operations_plain",
            "operations_ratio",
            "gradient_distance",
            "gradient_cosine",
            "gradient_noise",
            "batchnorm_updates",
            "batchnorm_drift",
            "batchnorm_drift_mended",
            "images_per_second",
            "images_per_second_plain",
            "largest_batch",
        ),
        better="lower",
        protocol=1,
        cost_s=10,
        time_limit_s=600,
        memory_limit_gib=24,
    )
)


TrainingMode = Literal[
    "plain",
    "layers",
    "layers_mended",
    "graphers",
    "segments",
    "accumulation",
    "accumulation_mended",
    "both",
    "both_mended",
]
"""How a training run keeps its activations; ``mended``: with a lower momentum of BatchNorm."""

TRAINING_MODES: tuple[TrainingMode, ...] = get_args(TrainingMode)
DOMAINS = ("moved",)
"""Test images that differ from those trained on."""


class TrainingModesParams(TrainingParams):
    """Which classifier to train, for how long, in which modes."""

    num_classes: int = Field(default=10, ge=10)
    """Outputs of the classifier; there are ten digits."""
    modes: tuple[TrainingMode, ...] = Field(default=TRAINING_MODES, strict=False)  # YAML has lists
    """Besides ``plain``, which is always run."""
    steps: int = Field(ge=1)
    micro_batches: int = Field(default=2, ge=2)
    """Parts of the batch whose gradients are added up, in the modes that accumulate."""
    segments: int = Field(default=2, ge=1)
    """Rows of layers, in the mode of that name."""
    seeds: int = Field(ge=2)
    """Runs of every mode, from weights and orders of the batches of their own."""
    test_images: int = Field(default=359, ge=1, le=1436)
    """Kept out of the training, from the end of the data set."""
    learning_rate: float = Field(default=0.001, gt=0)

    def packages(self) -> tuple[str, ...]:
        """Name what ships the images, too."""
        return (*super().packages(), "scikit-learn")


TRAINING_MODES_SPEC = declare(
    Spec(
        name="training_modes",
        module="reproductions.training_modes",
        params=TrainingModesParams,
        unit="percent",
        conventions=(),
        facts=(
            "device",
            *(
                f"{key}_{mode}"
                for mode in TRAINING_MODES
                for key in (
                    "accuracy",
                    "difference",
                    "distance",
                    "weights",
                    "weights_distance",
                    "loss_distance",
                    "statistics_distance",
                    "images_per_second",
                    *(f"drop_{domain}" for domain in DOMAINS),
                    *(f"drop_{domain}_difference" for domain in DOMAINS),
                )
            ),
            "difference_layers_accumulation",
            "distance_layers_accumulation",
        ),
        better="higher",
        protocol=1,
        cost_s=80,
        time_limit_s=900,
        memory_limit_gib=8,
    )
)
