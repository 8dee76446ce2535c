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
    # ``fp32_precision`` alone, torch refuses to read the older ones. That of matrix products
    # reaches the CPU, which may be left with bfloat16 otherwise.
    torch.set_float32_matmul_precision("high" if products else "highest")
    torch.backends.cudnn.allow_tf32 = convolutions


_NEWER: tuple[Any, ...] = (
    torch.backends.cuda.matmul,
    torch.backends.cudnn.conv,  # type: ignore[attr-defined]  # a module that is a class inside
    torch.backends.cudnn.rnn,
    torch.backends.mkldnn.matmul,  # type: ignore[attr-defined]
)
"""Holders of a newer switch each, ``fp32_precision``, that the older ones set too."""

_State = tuple[str, bool, tuple[str, ...]]


def _state() -> _State:
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        tuple(holder.fp32_precision for holder in _NEWER),
    )


def _restore(state: _State) -> None:
    products, convolutions, newer = state
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = convolutions
    # "none" (nobody has said anything) is a state that the older switches cannot set.
    for holder, before in zip(_NEWER, newer, strict=True):
        holder.fp32_precision = before


def flags(device: torch.device) -> dict[str, JsonValue]:
    """Report what torch says of itself, for evidence.

    Args:
        device: whose autocast is asked for.
    """
    autocast = torch.is_autocast_enabled(device.type)
    return {
        "matmul_allow_tf32": torch.backends.cuda.matmul.allow_tf32,
        "cudnn_allow_tf32": torch.backends.cudnn.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "autocast": str(torch.get_autocast_dtype(device.type)) if autocast else None,
    }
