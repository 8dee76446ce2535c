"""Images and batches that a model does not take: mistakes in the params, told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from reproductions.errors import ReproductionError
from reproductions.model_names import supplier_of
from reproductions.model_params import StepParams
from reproductions.models import build_model
from reproductions.placement import says_out_of_memory, wants_values
from vig_models import ModelError

_REFUSALS = (AssertionError, RuntimeError, ValueError)
"""What models of others raise; so does a device that fails."""


@contextmanager
def refused_if_untaken(reproduction: str, params: StepParams) -> Iterator[None]:
    """Turn what a model says of images and batches that it does not take into bad input.

    Raises:
        ReproductionError: the model does not take the images, or no single one of them.
    """
    try:
        yield
    except ModelError as error:
        raise _untaken(reproduction, params, error) from error
    except _REFUSALS as error:
        if "more than 1 value per channel" in str(error):
            raise ReproductionError(
                f"{reproduction}: {params.model!r} wants two images or more at once, got one: a "
                "BatchNorm on 1 x 1 maps has no variance over a single image; ask for a larger "
                "batch or fewer micro-batches"
            ) from error
        if isinstance(error, RuntimeError) and says_out_of_memory(error):
            raise
        same = _failure_without_device(params)
        if same is None:
            raise
        raise _untaken(reproduction, params, same) from error


def _untaken(reproduction: str, params: StepParams, error: Exception) -> ReproductionError:
    side, why = params.image_size, str(error).partition("\n")[0] or type(error).__name__
    return ReproductionError(
        f"{reproduction}: {params.model!r} does not run on {side} x {side} images ({why}); "
        "ask for a size that it takes"
    )


def _failure_without_device(params: StepParams) -> Exception | None:
    """Say how a model of timm fails on meta tensors too, where no device can be lost; None if not.

    Ours raise ``ModelError`` for what they do not take, and some of them want values.
    """
    if supplier_of(params.model) != "timm":
        return None
    side = params.image_size
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"), torch.inference_mode():
            model = build_model(params.model, num_classes=params.num_classes, image_size=side)
            model(torch.empty(params.batch, 3, side, side))
    except RuntimeError as error:
        return None if wants_values(error) else error
    except (AssertionError, ValueError) as error:
        return error
    return None
