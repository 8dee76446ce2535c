"""Build a model by name, from this project or from timm."""

import contextlib
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import cast

from torch import nn

import vig_models
from reproductions.errors import ReproductionError
from reproductions.model_names import suggestion_for, supplier_of


def build_model(
    name: str,
    *,
    num_classes: int,
    image_size: int | None = None,
    implementation: str = "published",
) -> nn.Module:
    """Build a classifier with random weights, in eval mode, on the current default device.

    Args:
        name: a variant of ``vig_models`` or a model name of timm.
        num_classes: logits per image.
        image_size: side of the images it is built for, in pixels, where its parameters or
            windows depend on that; None leaves the size it was configured for.
        implementation: of a variant of ``vig_models``: the operations that its authors' code
            runs, or ``fast``.

    Returns:
        A module from images (B, 3, H, W) to logits (B, num_classes).

    Raises:
        ReproductionError: there is no such model, or timm cannot be imported.
    """
    if supplier_of(name) is None:
        raise ReproductionError(f"build_model: no model {name!r}{suggestion_for(name)}")
    try:
        return _create(name, num_classes, image_size, implementation).eval()
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        raise ReproductionError(
            f"timm cannot be imported because torch {version('torch')} and torchvision "
            f"{version('torchvision')} do not belong together; install the torchvision that was "
            "built for this torch"
        ) from error


def _create(name: str, num_classes: int, image_size: int | None, implementation: str) -> nn.Module:
    if supplier_of(name) == "vig_models":  # each variant has a size of its own, or none
        return vig_models.create_model(name, num_classes=num_classes, implementation=implementation)
    timm = import_module("timm")  # here, where a torchvision of another torch can be reported
    create = partial(timm.create_model, name, pretrained=False, num_classes=num_classes)
    if image_size is not None:
        with contextlib.suppress(TypeError):  # the model has no such setting
            return cast(nn.Module, create(img_size=image_size))
    return cast(nn.Module, create())
