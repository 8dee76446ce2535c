"""Every reproduction of this package as a ``Spec``: its params, unit and conventions.

Here stand those that count a whole model and take no time; the others in the modules
``catalog_*``. Imports no torch. The function of the same name stands in the module of the same
name.
"""

from typing import Literal

from pydantic import Field

from reproductions.catalog_accuracy import (
    ANALYSIS,
    IMAGES_OF,
    TIMM_DEFAULT,
    DetectionApParams,
    Top1AccuracyParams,
    Transform,
    trained_transform,
)
from reproductions.catalog_graphs import GraphConstructionParams, GraphScalingParams
from reproductions.catalog_networks import (
    CommunicationVolumeParams,
    ExpertOverheadParams,
    LanguageModelSizeParams,
    NetworkSizeParams,
    ReprogrammingParams,
    SavedActivationsParams,
    StorageParams,
    TensorNetworkParams,
    WeightFormatsParams,
)
from reproductions.catalog_runs import (
    AnchorsParams,
    PeakMemoryParams,
    ThroughputParams,
    TrainingMemoryParams,
    TrainingModesParams,
)
from reproductions.catalog_statistics import GraphStatisticsParams
from reproductions.catalog_structure import (
    BlockLatencyParams,
    BlockStructureParams,
    CostScalingParams,
    DEGCModuleParams,
    GraphPropertiesParams,
    PartitionSizeParams,
    UpdateRuleParams,
)
from reproductions.contract import Spec, declare
from reproductions.conventions import MULTIPLY_ACCUMULATE_CONVENTIONS, PARAMETER_CONVENTIONS
from reproductions.model_names import millions_of
from reproductions.model_params import ModelParams, Precision

__all__ = [
    "ANALYSIS",
    "IMAGES_OF",
    "TIMM_DEFAULT",
    "AnchorsParams",
    "ArchitectureParams",
    "BlockLatencyParams",
    "BlockStructureParams",
    "CommunicationVolumeParams",
    "CostScalingParams",
    "DEGCModuleParams",
    "DetectionApParams",
    "ExpertOverheadParams",
    "GraphConstructionParams",
    "GraphPropertiesParams",
    "GraphScalingParams",
    "GraphStatisticsParams",
    "LanguageModelSizeParams",
    "ModelParams",
    "MultiplyAccumulatesParams",
    "NetworkSizeParams",
    "ParameterCountParams",
    "PartitionSizeParams",
    "PeakMemoryParams",
    "Precision",
    "ReprogrammingParams",
    "SavedActivationsParams",
    "StorageParams",
    "TensorNetworkParams",
    "ThroughputParams",
    "Top1AccuracyParams",
    "TrainingMemoryParams",
    "TrainingModesParams",
    "Transform",
    "UpdateRuleParams",
    "WeightFormatsParams",
    "trained_transform",
]


class ArchitectureParams(ModelParams):
    """Which classifier to look into."""

    num_classes: int = Field(default=1000, ge=1)
    """Outputs of the classifier."""

    def drawn(self) -> float:
        """Count all of the model: the edges of its graphs follow from values."""
        return millions_of(self.model)


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
        beside=True,
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

    def drawn(self) -> float:
        """Count all of a model that clusters, of which values decide what runs."""
        return millions_of(self.model) if self.family() in _CLUSTERING else 0.0


_CLUSTERING = ("clustervig", "vihgnn")


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
        beside=True,
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
        beside=True,
    )
)
