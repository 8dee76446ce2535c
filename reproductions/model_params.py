"""Params that several reproductions share: which model, run on what. Imports no torch."""

from typing import Literal

from pydantic import Field

from reproductions import model_names
from reproductions.contract import Params

Precision = Literal["default", "tf32_off", "tf32_on", "autocast_fp16", "autocast_bf16"]
"""What float32 models are computed in; ``default`` is PyTorch's, with TF32 in convolutions."""

LAYERS_FROM = {"clustervig": ("torch-geometric",)}
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
        return LAYERS_FROM.get(model_names.family_of(self.model) or "", ())


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
