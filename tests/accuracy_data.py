"""Data sets of tiny pictures whose classes can be read off, and a model that reads them.

A picture has three blocks of 8 x 8 and of one grey each, the digits of its class. Loaded by path.
"""

import numpy as np
import torch
from PIL import Image
from torch import nn

from reproductions.artifact_cache import Cache, cache_folder
from reproductions.artifacts import CatalogueFile, use_catalogue
from reproductions.fetching import fetch
from reproductions.labeled_images import synsets

SIDE = 16
STEP = 25
SEEN = {
    "resize": SIDE,
    "crop": SIDE,
    "interpolation": "bilinear",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}
"""The transform that leaves a picture as it is, and the model is made for."""
DATA, WEIGHTS = "data/toyset", "weights/toy"


class Silent:
    """Nobody hears how far a fetch is."""

    def began(self, *_):
        pass

    def advanced(self, *_):
        pass

    def note(self, *_):
        pass


def picture(label, shift=0):
    """Draw the picture of a class; ``shift`` makes another one of the same class."""
    grey = np.full((SIDE, SIDE), 128 + shift, dtype=np.uint8)
    for place, digit in enumerate(f"{label:03d}"):
        row, column = divmod(place, 2)
        grey[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = STEP * int(digit) + 5
    return Image.fromarray(grey).convert("RGB")


def draw_folders(root, names=None, labels=None):
    """Make a folder for each class with one picture in it."""
    names = synsets() if names is None else names
    for number, name in enumerate(names):
        folder = root / name
        folder.mkdir(parents=True)
        label = number if labels is None else labels[number]
        picture(label).save(folder / f"{name}_1.JPEG", quality=95)
    return root


class Reader(nn.Module):
    """Reads the class off a picture; answers as it is told to."""

    def __init__(self, one_off=0, far_off=0):
        super().__init__()
        self.register_buffer("answers", torch.arange(1000))
        self.answers[:one_off] += 1  # the next class; the right one is second
        self.answers[one_off : one_off + far_off] += 500

    def forward(self, images):
        pixels = (images[:, 0] / 2 + 0.5) * 255
        blocks = pixels.unfold(1, 8, 8).unfold(2, 8, 8).mean((-1, -2)).flatten(1)[:, :3]
        digits = ((blocks - 5) / STEP).round().clamp(0, 9).long()
        labels = digits @ torch.tensor([100, 10, 1])
        away = (torch.arange(1000) - self.answers[labels][:, None]).abs()
        return -away.float() + 0.25 * (torch.arange(1000) < self.answers[labels][:, None])


def declare(path, place=None, **more):
    """Put a data set, and weights that nobody reads, into a catalogue and into the cache."""
    common = {"license": "MIT", "what": "toys"}
    entries = {
        DATA: {**common, "login": "ask", "serves": ("toyset",), "layout": "archive"},
        WEIGHTS: {**common, "login": "ask", "serves": ("resnet18",), "layout": "checkpoint"},
    }
    use_catalogue(path, CatalogueFile.model_validate({"schema": 1, "artifacts": entries | more}))
    if place is not None:
        fetch(DATA, Cache(cache_folder()), Silent(), given=place)
