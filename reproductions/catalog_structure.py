"""Specs of what models are made of and what their parts compute. Imports no torch."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from reproductions.contract import Convention, Params, Spec, declare
from reproductions.model_params import ModelParams


class SeededModelParams(ModelParams):
    """Which model, with weights and inputs drawn from which seed."""

    seed: int = Field(default=0, ge=0)
    """Of the weights, of what goes in and of what the model draws."""


class BlockStructureParams(ModelParams):
    """Whose parts to list."""


BLOCK_STRUCTURE = declare(
    Spec(
        name="block_structure",
        module="reproductions.block_structure",
        params=BlockStructureParams,
        unit="blocks",
        conventions=(),
        facts=(
            "backbone",
            "blocks_with_graph",
            "order",
            "order_by_construction",
            "position_encoding",
            "position_embedding",
            "residuals",
            "activations",
            "grapher_widths",
            "ffn_widths",
            "update_reads",
            "global_width",
            "stem_input",
            "stem_kernels",
            "stem_behind",
            "stem_last",
            "head",
            "head_layers",
            "head_pooling",
        ),
        readings={"order": ("order_by_construction",)},
        better="none",
        protocol=1,
        cost_s=1,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class BlockLatencyParams(ModelParams):
    """Which model to time with and without its graphs at high resolution."""

    batch: int = Field(ge=1)
    """Images of a pass."""
    image_size: int = Field(default=224, ge=32)
    """Side of the square images, in pixels."""
    device: Literal["cpu", "cuda"]
    rounds: int = Field(default=9, ge=5)
    """Timed passes of either."""

    def wants_cuda(self) -> bool:
        """Tell whether only a CUDA device will do."""
        return self.device == "cuda"


BLOCK_LATENCY = declare(
    Spec(
        name="block_latency",
        module="reproductions.block_latency",
        params=BlockLatencyParams,
        unit="ms",
        conventions=(Convention(name="all_stages", counts="a pass with every block"),),
        facts=("last_stage", "device", "graph_blocks"),
        better="lower",
        protocol=1,
        cost_s=3,
        time_limit_s=300,
        memory_limit_gib=8,
    )
)


class CostScalingParams(Params):
    """One operation over the tokens of an image."""

    operation: Literal["attention", "kmeans", "knn"]
    num_nodes: int = Field(ge=2)
    """N, tokens or nodes."""
    channels: int = Field(ge=1)
    """C of each."""
    clusters: int = Field(default=0, ge=0)
    """kappa, of k-means alone."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.operation == "kmeans") != (self.clusters > 0):
            raise PydanticCustomError(
                "clusters",
                "{operation}: want clusters for kmeans and none for others, got {clusters}",
                {"operation": self.operation, "clusters": self.clusters},
            )
        if self.clusters > self.num_nodes:
            raise PydanticCustomError(
                "clusters",
                "want at most as many clusters as nodes, {nodes}, got {clusters}",
                {"nodes": self.num_nodes, "clusters": self.clusters},
            )
        return self


COST_SCALING = declare(
    Spec(
        name="cost_scaling",
        module="reproductions.cost_scaling",
        params=CostScalingParams,
        unit="GMAC",
        conventions=(
            Convention(name="comparisons", counts="what compares tokens, or tokens and centers"),
            Convention(name="layer", counts="the same and the linear maps of each token around it"),
        ),
        better="lower",
        protocol=1,
        cost_s=0.5,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class DEGCModuleParams(SeededModelParams):
    """Whose module to take apart."""


DEGC_MODULE = declare(
    Spec(
        name="degc_module",
        module="reproductions.degc_module",
        params=DEGCModuleParams,
        unit="partitions",
        conventions=(),
        facts=(
            "partitions",
            "cover",
            "assignment",
            "centroid",
            "centroid_where_settled",
            "global_graph",
            "global_edges",
            "attention",
            "attention_layers",
            "round_trip",
            "by_partition",
            "neighbors",
            "shapes",
            "saving",
            "saving_in_parallel",
            "starts",
            "iterations",
        ),
        readings={
            "centroid": ("centroid_where_settled",),
            "saving": ("saving_in_parallel",),
        },
        better="none",
        protocol=1,
        cost_s=6,
        time_limit_s=300,
        memory_limit_gib=6,
    )
)


class GraphPropertiesParams(SeededModelParams):
    """Whose graphs to look at."""


GRAPH_PROPERTIES = declare(
    Spec(
        name="graph_properties",
        module="reproductions.graph_properties",
        params=GraphPropertiesParams,
        unit="nodes",
        conventions=(),
        facts=(
            "self_loops",
            "rebuilt",
            "edges_to",
            "which_nearest",
            "which_nearest_dilation_aside",
            "inside_partitions",
            "directions",
            "pruned_from",
            "nodes",
            "neighbors_first",
            "neighbors_last",
            "neighbors_grow",
            "parts",
            "part_nodes",
            "hyperedges_join",
        ),
        readings={"which_nearest": ("which_nearest_dilation_aside",)},
        better="none",
        protocol=1,
        cost_s=4,
        time_limit_s=300,
        memory_limit_gib=6,
    )
)


class PartitionSizeParams(SeededModelParams):
    """Whose partitions to measure, over how many images."""

    block: int = Field(ge=1)
    """Number of the block, from 1."""
    images: int = Field(ge=1)
    """Images of uniform noise, each run by itself."""
    iterations: int = Field(default=20, ge=1)
    """Iterations within which k-means is to have stopped by itself."""


PARTITION_SIZE = declare(
    Spec(
        name="partition_size",
        module="reproductions.partition_size",
        params=PartitionSizeParams,
        unit="nodes",
        conventions=(Convention(name="least", counts="nodes of the smallest partition"),),
        facts=("greatest", "balance", "settled"),
        better="none",
        protocol=1,
        cost_s=6,
        time_limit_s=300,
        memory_limit_gib=6,
    )
)


class UpdateRuleParams(SeededModelParams):
    """Whose graph convolution to hold against the written rules."""

    graph_conv: Literal["default", "edge", "gin", "max_relative", "sage"]
    """Kind of convolution; ``default`` is that of the model."""

    def stand_in(self) -> str | None:
        """Name a convolution that no variant of the authors uses, so that no output tells of it."""
        if self.graph_conv in {"default", "max_relative"}:
            return None
        return f"graph_conv {self.graph_conv}, our writing of what no released model uses"


UPDATE_RULE = declare(
    Spec(
        name="update_rule",
        module="reproductions.update_rule",
        params=UpdateRuleParams,
        unit="ratio",
        conventions=(),
        facts=("rule", "difference", "reads", "order_of_nodes", "eps", "delta"),
        better="none",
        protocol=1,
        cost_s=1,
        time_limit_s=120,
        memory_limit_gib=4,
        beside=True,
    )
)
