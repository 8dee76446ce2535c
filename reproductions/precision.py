"""Numeric precision of a forward pass: what torch is told, for as long as a context lasts.

``default`` is what PyTorch does if nobody says anything, stated in full, so that what ran
before in the process does not matter: float32, TensorFloat-32 in convolutions, not in matrix
products. The switches of TF32 act on CUDA devices alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from pydantic import JsonValue

from reproductions.catalog import Precision

__all__ = ["flags", "precision"]

_TF32: dict[Precision, tuple[bool, bool]] = {
    "default": (False, True),
    "tf32_off": (False, False),
    "tf32_on": (True, True),
    "autocast_fp16": (False, True),
    "autocast_bf16": (False, True),
}
"""Whether matrix products, and whether convolutions, may round float32 to TF32."""

_PRODUCTS: Any = torch.backends.cuda.matmul  # Any, because torch does not say what they hold
_CUDNN: Any = torch.backends.cudnn

_AUTOCAST = {"autocast_fp16": torch.float16, "autocast_bf16": torch.bfloat16}


@contextmanager
def precision(name: Precision, device: torch.device) -> Iterator[None]:
    """Compute in one precision inside; outside, everything is as it was.

    Autocast converts the weights anew in each forward pass, as it does where the context is
    opened around each pass; opened around many, it would convert them once and keep them.

    Args:
        name: which.
        device: where it is computed.
    """
    before = _state()
    try:
        _allow_tf32(*_TF32[name])
        with _autocast(name, device):
            yield
    finally:
        _restore(before)


def _autocast(name: Precision, device: torch.device) -> torch.autocast | nullcontext[None]:
    if name not in _AUTOCAST:
        return nullcontext()
    return torch.autocast(device.type, dtype=_AUTOCAST[name], cache_enabled=False)


def _allow_tf32(products: bool, convolutions: bool) -> None:
    # The older switches set the newer ones too, but not the other way round: after
    # ``fp32_precision`` alone, torch refuses to read ``allow_tf32``.
    _PRODUCTS.allow_tf32 = products
    _CUDNN.allow_tf32 = convolutions


def _state() -> tuple[bool, bool, str, str, str]:
    return (
        _PRODUCTS.allow_tf32,
        _CUDNN.allow_tf32,
        _PRODUCTS.fp32_precision,
        _CUDNN.conv.fp32_precision,
        _CUDNN.rnn.fp32_precision,
    )


def _restore(state: tuple[bool, bool, str, str, str]) -> None:
    _allow_tf32(*state[:2])
    # "none" (nobody has said anything) is a state that the older switches cannot set.
    _PRODUCTS.fp32_precision = state[2]
    _CUDNN.conv.fp32_precision = state[3]
    _CUDNN.rnn.fp32_precision = state[4]


def flags(device: torch.device) -> dict[str, JsonValue]:
    """Report what torch says of itself, for evidence.

    Args:
        device: whose autocast is asked for.
    """
    autocast = torch.is_autocast_enabled(device.type)
    return {
        "matmul_allow_tf32": _PRODUCTS.allow_tf32,
        "cudnn_allow_tf32": _CUDNN.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn_benchmark": _CUDNN.benchmark,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "autocast": str(torch.get_autocast_dtype(device.type)) if autocast else None,
    }
