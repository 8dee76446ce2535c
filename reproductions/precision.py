"""In which precision a model runs: torch's own defaults, TF32 on or off, autocast."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from reproductions.catalog import Precision

_TF32 = {"tf32_off": (False, False), "tf32_on": (True, True)}
"""For convolutions, and for matrix products; torch's defaults are on and off."""
_HALVES = {"autocast_fp16": torch.float16, "autocast_bf16": torch.bfloat16}


@contextmanager
def running_in(precision: Precision, device: str) -> Iterator[dict[str, bool | str]]:
    """Run what is inside in a precision; what was set before is set again afterwards.

    Args:
        precision: ``default`` is float32 as torch starts up: TF32 in convolutions alone.
        device: where it runs, as torch names it.

    Yields:
        The settings, as torch reports them, for the record.
    """
    convolutions, products = _TF32.get(precision, (True, False))
    half = _HALVES.get(precision)
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with ExitStack() as stack:
        stack.callback(_set_tf32, *before)
        _set_tf32(convolutions, products)
        if half is not None:
            stack.enter_context(torch.autocast(torch.device(device).type, half))
        yield {
            "tf32_convolutions": torch.backends.cudnn.allow_tf32,
            "tf32_products": torch.backends.cuda.matmul.allow_tf32,
            "autocast": str(half).removeprefix("torch.") if half is not None else "off",
        }


def _set_tf32(convolutions: bool, products: bool) -> None:
    torch.backends.cudnn.allow_tf32 = convolutions
    torch.backends.cuda.matmul.allow_tf32 = products
