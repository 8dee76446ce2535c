"""Where a measurement runs, what that is called, and whether its memory ran out."""

import platform

import torch

from reproductions.contract import Device, NotMeasurableError
from reproductions.devices import class_of
from reproductions.model_params import StepParams
from vig_models.partitions import kernel_on


def place_of(reproduction: str, device: Device, *, wants_cuda: bool) -> torch.device:
    """Choose where to run: on the CPU unless a GPU is wanted, else on the CUDA device given.

    Raises:
        NotMeasurableError: a CUDA device is wanted, and there or here is none.
    """
    if not wants_cuda:
        return torch.device("cpu")
    available = torch.cuda.is_available()
    if available and device.startswith("cuda"):
        return torch.device(device)
    found = f"the device {device!r}" if available else "none"
    then = "name one, as cuda:0" if available else "run on a machine with a GPU"
    raise NotMeasurableError(f"{reproduction}: wants a CUDA device, found {found}; {then}")


def class_name(place: torch.device) -> str:
    """Name the class of a device: ``h200``, ``cpu-x86-64``."""
    if place.type == "cuda":
        return class_of(torch.cuda.get_device_name(place))
    return f"cpu-{class_of(platform.machine())}"


def kernel_of(params: StepParams, place: torch.device) -> str:
    """Name what searches for neighbors inside partitions: ``none`` where a model has none.

    Only what the authors run is their kernel; ``fast`` forms search in their own way.
    """
    if params.family() != "clustervig":
        return "none"
    return kernel_on(place) if params.implementation == "published" else "substitute"


def wants_values(error: RuntimeError) -> bool:
    """Tell an operation that wants values, which meta tensors lack, from a model that fails."""
    return "meta" in str(error)


def says_out_of_memory(error: RuntimeError) -> bool:
    """Tell memory that ran out from a device that failed, which is no outcome of a model."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: " in str(error)
