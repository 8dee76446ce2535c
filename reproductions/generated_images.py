"""Images that any machine can draw from a seed: noise as coarse as photographs', and an object.

The amplitudes of their frequencies fall as 1 / f, as those of photographs do (D. J. Field,
"Relations between the statistics of natural images and the response properties of cortical cells",
J. Opt. Soc. Am. A 4, 1987), so that near pixels look more alike than far ones. An ellipse of
another such noise in another color is the object.
"""

import math

import torch
from torch import Tensor

_CONTRAST = 0.18
_MOST = 2**31


def generated_image(seed: int, index: int, side: int) -> tuple[Tensor, Tensor]:
    """Draw one image.

    Args:
        seed: of the set of images.
        index: which image of the set.
        side: in pixels.

    Returns:
        Pixels (3, side, side) from 0 to 1 in steps of 1 / 255, and the object, (side, side) bool.
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + index) % _MOST)
    ground, figure = _noise(generator, side), _noise(generator, side)
    tint = 0.25 * torch.randn(3, 1, 1, generator=generator)
    mask = _ellipse(generator, side)
    pixels = torch.where(mask, figure + tint, ground).clamp(0, 1)
    return (255 * pixels).round() / 255, mask


def _noise(generator: torch.Generator, side: int) -> Tensor:
    """Draw three channels with a common part, (3, side, side), around the middle gray."""
    steps = torch.fft.fftfreq(side) * side
    frequency = (steps[:, None] ** 2 + steps[None] ** 2).sqrt().clamp(min=1)
    white = torch.fft.fft2(torch.randn(4, side, side, generator=generator))
    noise = torch.fft.ifft2(white / frequency).real
    noise = (noise - noise.mean()) / noise.std()
    return torch.as_tensor(0.5 + _CONTRAST * (noise[3:] + 0.5 * noise[:3]))


def _ellipse(generator: torch.Generator, side: int) -> Tensor:
    places = torch.rand(5, generator=generator)
    row, column = (0.3 + 0.4 * places[:2]) * side
    height, width = (0.12 + 0.25 * places[2:4]) * side
    turn = float(places[4]) * math.pi
    y, x = torch.meshgrid(*2 * [torch.arange(side, dtype=torch.float32)], indexing="ij")
    along = (x - column) * math.cos(turn) + (y - row) * math.sin(turn)
    across = (y - row) * math.cos(turn) - (x - column) * math.sin(turn)
    return torch.as_tensor((along / width) ** 2 + (across / height) ** 2 <= 1)
