"""Specs of what takes time and memory as it runs: speed, memory, training. Imports no torch."""

from typing import Literal

from pydantic import Field

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
            "gradient_noise",
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
