"""Specs of sizes that follow from an architecture alone: no data, no training, no time.

Networks that neither ``vig_models`` nor timm holds, weights in other formats, what adaptation
and compression add and leave. Imports no torch.
"""

from typing import Literal

from pydantic import Field

from reproductions.contract import Convention, Params, Spec, declare
from reproductions.conventions import (
    COMMUNICATION_VOLUME_CONVENTIONS,
    EXPERT_OVERHEAD_CONVENTIONS,
    NETWORK_SIZE_CONVENTIONS,
    REPROGRAMMING_CONVENTIONS,
    SAVED_ACTIVATIONS_CONVENTIONS,
    STORAGE_CONVENTIONS,
)
from reproductions.model_names import supplier_of
from reproductions.model_params import ModelParams

PLAIN_NETWORKS = ("alexnet", "googlenet", "lenet5", "simplenet", "wrn_40_2")
"""Built by ``plain_networks``; a test holds them equal."""
LANGUAGE_MODELS = ("llama_3_2_1b", "llama_7b")
"""Built by ``language_models``; likewise."""


class _OwnOrTimm(ModelParams):
    """Params that name a plain network or a model of timm."""

    def family(self) -> str | None:
        """Name timm's module; plain networks are of no family."""
        return None if self.model in PLAIN_NETWORKS else super().family()

    def absent(self) -> str | None:
        """Say that neither has it."""
        if self.model in PLAIN_NETWORKS or supplier_of(self.model) == "timm":
            return None
        return f"no network named {self.model!r}"

    def packages(self) -> tuple[str, ...]:
        """Name timm where it supplies the network."""
        return () if self.model in PLAIN_NETWORKS else super().packages()


class NetworkSizeParams(_OwnOrTimm):
    """Which convolutional network to count."""

    num_classes: int = Field(ge=1)
    """Outputs of the classifier."""


NETWORK_SIZE = declare(
    Spec(
        name="network_size",
        module="reproductions.network_size",
        params=NetworkSizeParams,
        unit="Mparam",
        conventions=NETWORK_SIZE_CONVENTIONS,
        facts=("convolutions", "weighted_layers"),
        readings={"convolutions": ("weighted_layers",)},
        better="none",
        protocol=1,
        cost_s=0.5,
        time_limit_s=120,
        memory_limit_gib=4,
        beside=True,
    )
)


class StorageParams(Params):
    """How many parameters to store, and how."""

    parameters: int = Field(ge=1)
    dtype: Literal["float16", "float32", "float64"]
    optimizer: Literal["none", "sgd_momentum", "adam"]
    """Whose state is stored beside the weights, after one step."""


STORAGE = declare(
    Spec(
        name="storage",
        module="reproductions.storage",
        params=StorageParams,
        unit="MB",
        conventions=STORAGE_CONVENTIONS,
        better="none",
        protocol=1,
        cost_s=0.1,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class _LanguageModelParams(Params):
    """Params that name a language model."""

    model: str

    def subject(self) -> str:
        """Name the model measured."""
        return self.model

    def absent(self) -> str | None:
        """Say that the model does not exist."""
        return None if self.model in LANGUAGE_MODELS else f"no language model named {self.model!r}"

    def suggestion(self) -> str:
        """Name those that exist."""
        return f"; there are {', '.join(LANGUAGE_MODELS)}"


class LanguageModelSizeParams(_LanguageModelParams):
    """Which language model to count."""


LANGUAGE_MODEL_SIZE = declare(
    Spec(
        name="language_model_size",
        module="reproductions.language_model_size",
        params=LanguageModelSizeParams,
        unit="Gparam",
        conventions=(Convention(name="all", counts="every parameter, a shared one once"),),
        facts=("layers", "in_linear_layers", "in_embeddings"),
        better="none",
        protocol=1,
        cost_s=0.2,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)

WeightFormat = Literal[
    "float16", "gptq_4bit", "q8_0", "q6_k", "q5_k", "q4_k", "q4_0", "q3_k", "q2_k", "iq2_xxs",
    "iq1_m", "iq1_s",
]  # fmt: skip


class WeightFormatsParams(_LanguageModelParams):
    """Whose weights to store, in which format."""

    format: WeightFormat
    """``gptq_4bit``: groups of 128, embeddings and norms in float16; the others are those of
    GGUF, for every matrix, norms in float32."""


WEIGHT_FORMATS = declare(
    Spec(
        name="weight_formats",
        module="reproductions.weight_formats",
        params=WeightFormatsParams,
        unit="percent",
        conventions=(Convention(name="saved", counts="bytes of all weights less than in float16"),),
        facts=("bits_per_weight", "gigabytes", "gigabytes_float16"),
        better="higher",
        protocol=1,
        cost_s=0.2,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class SavedActivationsParams(_OwnOrTimm):
    """Whose backward pass to look into, on what."""

    num_classes: int = Field(ge=1)
    """Outputs of the classifier."""
    batch: int = Field(ge=2)
    """Images of a pass."""
    image_size: int = Field(ge=1)
    """Side of the square images, in pixels."""
    copies: int = Field(ge=1)
    """Sets of weights held at once: 3 where a student, a teacher and the source model are."""


SAVED_ACTIVATIONS = declare(
    Spec(
        name="saved_activations",
        module="reproductions.saved_activations",
        params=SavedActivationsParams,
        unit="percent",
        conventions=SAVED_ACTIVATIONS_CONVENTIONS,
        facts=("activations", "weights"),
        better="none",
        protocol=1,
        cost_s=1,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class ReprogrammingParams(_OwnOrTimm):
    """Which network a task's own layers are put into."""

    num_classes: int = Field(ge=1)
    """Outputs of the network they are put into."""


REPROGRAMMING = declare(
    Spec(
        name="reprogramming",
        module="reproductions.reprogramming",
        params=ReprogrammingParams,
        unit="percent",
        conventions=REPROGRAMMING_CONVENTIONS,
        facts=("normalization",),
        better="lower",
        protocol=1,
        cost_s=0.5,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class CommunicationVolumeParams(Params):
    """Which graph is trained on, on how many devices."""

    nodes: int = Field(ge=2)
    degree: int = Field(ge=1)
    """Edges into every node, from nodes drawn at random."""
    devices: int = Field(ge=2)
    layers: int = Field(ge=2)
    seed: int = Field(ge=0)


COMMUNICATION_VOLUME = declare(
    Spec(
        name="communication_volume",
        module="reproductions.communication_volume",
        params=CommunicationVolumeParams,
        unit="ratio",
        conventions=COMMUNICATION_VOLUME_CONVENTIONS,
        facts=("by_graph", "by_layers"),
        better="higher",
        protocol=1,
        cost_s=0.2,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class TensorNetworkParams(_LanguageModelParams):
    """Which model's matrices are replaced, by how large a tensor network."""

    bond: int = Field(ge=1)
    """Bond dimension of the two cores; more than a matrix can use is cut to that."""


TENSOR_NETWORK = declare(
    Spec(
        name="tensor_network",
        module="reproductions.tensor_network",
        params=TensorNetworkParams,
        unit="percent",
        conventions=(Convention(name="fewer", counts="parameters of the model that are saved"),),
        facts=("cores", "matrices", "operations_ratio"),
        better="higher",
        protocol=1,
        cost_s=0.2,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)


class ExpertOverheadParams(Params):
    """What the experts tell apart."""

    num_classes: int = Field(ge=2)


EXPERT_OVERHEAD = declare(
    Spec(
        name="expert_overhead",
        module="reproductions.expert_overhead",
        params=ExpertOverheadParams,
        unit="percent",
        conventions=EXPERT_OVERHEAD_CONVENTIONS,
        facts=("parameters", "pooled_operations", "readout_operations"),
        better="lower",
        protocol=1,
        cost_s=0.1,
        time_limit_s=120,
        memory_limit_gib=4,
    )
)
