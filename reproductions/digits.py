"""Handwritten digits as images that a classifier takes: small data that needs no download.

The 1797 images of 8 x 8 pixels that scikit-learn ships, a part of E. Alpaydin and C. Kaynak,
"Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998. They stand in
the order of their writers, so that the last ones are by others than the first.
"""

import hashlib
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor
from torch.nn import functional

from reproductions.contract import NotMeasurableError

INSTALL = 'pip install "vig-verify[train]"'


@dataclass(frozen=True)
class Digits:
    """The data set as it is shipped."""

    pixels: Tensor
    """(n, 1, 8, 8), float32, from 0, blank, to 1."""
    labels: Tensor
    """(n,), int64."""
    sha256: str
    """Of pixels, then labels, as bytes."""


def load_digits(reproduction: str) -> Digits:
    """Read the images from scikit-learn.

    Raises:
        NotMeasurableError: scikit-learn is not installed.
    """
    try:
        datasets = import_module("sklearn.datasets")
    except ModuleNotFoundError as error:
        raise NotMeasurableError(
            f"{reproduction}: wants scikit-learn, whose digits it trains on, found none; "
            f"install it: {INSTALL}"
        ) from error
    shipped = datasets.load_digits()
    pixels = torch.tensor(shipped.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(shipped.target, dtype=torch.int64)
    digest = hashlib.sha256(pixels.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    return Digits(pixels, labels, digest)


def as_images(pixels: Tensor, side: int) -> Tensor:
    """Enlarge digits bilinearly to (n, 3, side, side), from -1, blank, to 1."""
    scaled = functional.interpolate(
        2 * pixels - 1, size=(side, side), mode="bilinear", align_corners=False
    )
    return scaled.expand(-1, 3, -1, -1)


def moved(pixels: Tensor) -> Tensor:
    """Move digits by one of their eight pixels to the right; what comes in is blank."""
    result = torch.zeros_like(pixels)
    result[..., 1:] = pixels[..., :-1]
    return result
