"""The recipe behind ``golden/*.npz``: weights and images anyone can regenerate."""

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

TOLERANCE = 1e-9


def official_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Draw the state of a model from the authors' entry names and shapes."""
    return {
        name: torch.as_tensor(_entry(name, shape))
        for name, shape in shapes.items()
        if "relative_pos" not in name
    }


def images() -> Tensor:
    """Draw the two input images, (2, 3, 224, 224) float64."""
    return torch.from_numpy(np.random.RandomState(0).standard_normal((2, 3, 224, 224)))


def logits(variant: str) -> np.ndarray:
    """Read the authors' logits, (2, 1000) float64."""
    with np.load(Path(__file__).parent / "golden" / f"{variant}.npz") as arrays:
        return np.asarray(arrays["logits"])


def relative_error(found: Tensor, wanted: np.ndarray) -> float:
    """Return the 2-norm of the difference over that of ``wanted``."""
    return float(np.linalg.norm(found.numpy() - wanted) / np.linalg.norm(wanted))


def _entry(name: str, shape: tuple[int, ...]) -> np.ndarray | np.float64 | int:
    normal = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("num_batches_tracked"):
        return 0
    if name.endswith("running_mean"):
        return 0.1 * normal
    if name.endswith("running_var"):
        return 1 + 0.2 * np.abs(normal)
    if "pos_embed" in name:
        return 0.5 * normal
    if "layer_scale" in name:
        return 0.5 + 0.1 * normal
    if len(shape) >= 2:
        return normal / np.sqrt(np.prod(shape[1:]))
    return 0.1 * normal + (1 if name.endswith("weight") else 0)
