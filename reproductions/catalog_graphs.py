"""Specs of what builds graphs, and how that grows. Imports no torch."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from reproductions.contract import Convention, Params, Spec, declare
from reproductions.model_params import LAYERS_FROM, ModelParams
from vig_models.registry import FAMILIES

GRAPH_FAMILIES = tuple(family for family in FAMILIES if family != "pvt")
"""Families of ours whose models build graphs."""


class GraphConstructionParams(ModelParams):
    """Which model builds its graphs, on what."""

    num_classes: int = Field(default=1000, ge=0)
    """Outputs of the classifier; 0 leaves it away and counts the backbone alone."""
    implementation: Literal["fast", "published"] = "published"
    """``published``: the operations that the authors' code runs; ``fast``: ours, equal outputs."""
    image_size: int = Field(default=224, ge=1)
    """Side of the square images, in pixels."""
    seed: int = Field(default=0, ge=0)
    """Of the weights, of the images and of what the model draws."""
    forwards: int = Field(default=5, ge=5)
    """Timed forward passes."""

    @model_validator(mode="after")
    def _has_graph(self) -> Self:
        if self.absent() is None and self.family() not in GRAPH_FAMILIES:
            raise PydanticCustomError(
                "graph",
                "want a model of {families}, got {model}, whose graph is not known; ask for one "
                "of these",
                {"families": ", ".join(GRAPH_FAMILIES), "model": repr(self.model)},
            )
        return self


GRAPH_CONSTRUCTION = declare(
    Spec(
        name="graph_construction",
        module="reproductions.graph_construction",
        params=GraphConstructionParams,
        unit="distances",
        conventions=(
            Convention(
                name="distance_evaluations",
                counts="pairs of nodes, or of a node and a center, whose distance one image needs",
            ),
        ),
        facts=("dynamic", "calls", "share", "recall", "recall_found"),
        better="lower",
        protocol=1,
        cost_s=15,
        time_limit_s=600,
        memory_limit_gib=8,
    )
)


class GraphScalingParams(Params):
    """Which construction runs, on how many nodes."""

    construction: Literal["dagc", "fuzzy_c_means", "kmeans_partitioned", "knn", "mgc", "svga"]
    grids: tuple[Annotated[int, Field(ge=2)], ...] = Field(min_length=1, strict=False)
    """Rows and columns of nodes; 7, 14, 28 and 56 make 49 to 3136 nodes. YAML has lists only."""
    channels: int = Field(ge=4, multiple_of=4)
    """C of every node."""
    neighbors: int = Field(default=0, ge=0)
    """K, where nearest nodes are searched for."""
    clusters: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(), strict=False)
    """Partitions or hyperedges, where there are some."""
    step: int = Field(default=0, ge=0)
    """Rows or columns between candidates, where neighbors stand on axes."""
    implementation: Literal["fast", "published"] = "published"
    """``published``: the operations that the authors' code runs; ``fast``: ours, equal outputs."""
    seed: int = Field(default=0, ge=0)
    """Of the nodes and of what the construction draws."""
    rounds: int = Field(default=5, ge=5)
    """Timed constructions of every size."""

    def family(self) -> str:
        """Name the family whose functions run."""
        return CONSTRUCTION_FAMILIES[self.construction]

    def modules(self) -> tuple[str, ...]:
        """Name the module of ``vig_models`` that holds the construction."""
        return (f"vig_models.{self.family()}",)

    def packages(self) -> tuple[str, ...]:
        """Name what the family takes layers from."""
        return LAYERS_FROM.get(self.family(), ())

    @field_validator("grids", "clusters")
    @classmethod
    def _ascends(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if list(sizes) != sorted(set(sizes)):
            raise PydanticCustomError("order", "different numbers, smallest first")
        return sizes

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Want exactly the params that change the number, and one kind of size that grows."""
        settings = ("neighbors", "clusters", "step")
        given = {name for name in settings if getattr(self, name)}
        wanted = _CONSTRUCTION_SETTINGS[self.construction]
        if given != wanted:
            raise PydanticCustomError(
                "settings",
                "{construction}: want {wanted} and none else of {settings}, got {given}",
                {
                    "construction": self.construction,
                    "wanted": _listed(wanted),
                    "settings": ", ".join(settings),
                    "given": _listed(given),
                },
            )
        if len(self.grids) > 1 and len(self.clusters) > 1:
            raise PydanticCustomError(
                "sizes", "want one number of grids or of clusters, got several of both; give one"
            )
        return self


CONSTRUCTION_FAMILIES = {
    "dagc": "greedyvig",
    "fuzzy_c_means": "vihgnn",
    "kmeans_partitioned": "clustervig",
    "knn": "vig",
    "mgc": "mobilevigv2",
    "svga": "mobilevig",
}
"""Construction of a graph to the family of ours that builds its graphs so."""

_CONSTRUCTION_SETTINGS = {
    "dagc": {"step"},
    "fuzzy_c_means": {"clusters"},
    "kmeans_partitioned": {"clusters", "neighbors"},
    "knn": {"neighbors"},
    "mgc": {"step"},
    "svga": {"step"},
}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


GRAPH_SCALING = declare(
    Spec(
        name="graph_scaling",
        module="reproductions.graph_scaling",
        params=GraphScalingParams,
        unit="distances",
        conventions=(
            Convention(
                name="distance_evaluations",
                counts="pairs of nodes, or of a node and a center, at the largest size",
            ),
        ),
        facts=(
            "edges",
            "edges_per_node",
            "seconds",
            "exponent",
            "exponent_edges",
            "exponent_seconds",
        ),
        better="lower",
        protocol=1,
        cost_s=10,
        time_limit_s=600,
        memory_limit_gib=8,
    )
)
