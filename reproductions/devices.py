"""What there is to measure on: processors, which GPU, names of classes. Imports no torch."""

import os
import re
from collections.abc import Mapping
from typing import Any

_MAKERS = re.compile(r"^(nvidia|amd|intel)-")
_TAILS = re.compile(r"-generation$")


def processors() -> int:
    """Count the processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def class_of(name: str) -> str:
    """Name the class of a device from what its driver calls it.

    Example:
        >>> class_of("NVIDIA RTX 6000 Ada Generation"), class_of("NVIDIA H200")
        ('rtx-6000-ada', 'h200')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return _TAILS.sub("", _MAKERS.sub("", slug)) or "unknown"


def first_visible(nvml: Any, environ: Mapping[str, str] = os.environ) -> Any:
    """Find the card that CUDA calls ``cuda:0``, as NVIDIA's management library knows it.

    CUDA hides the cards that ``CUDA_VISIBLE_DEVICES`` does not list and counts those it does; the
    library hides none. Where cards differ CUDA counts the fastest first unless
    ``CUDA_DEVICE_ORDER`` is ``PCI_BUS_ID``, and a number then means another card here.

    Args:
        nvml: the library, initialized.
        environ: the environment.

    Returns:
        A handle of the library; None where every card is hidden.

    Raises:
        NVMLError: there is no such card.
    """
    first = environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0].strip()
    if re.fullmatch(r"\d+", first):
        return nvml.nvmlDeviceGetHandleByIndex(int(first))
    if first.startswith("MIG-"):
        return nvml.nvmlDeviceGetHandleByUUID(first)
    if not first.startswith("GPU-"):  # CUDA takes nothing, -1 and any other word to hide all
        return None
    cards = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
    return next((card for card in cards if nvml.nvmlDeviceGetUUID(card).startswith(first)), None)
