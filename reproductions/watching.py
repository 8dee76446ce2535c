"""What watches every operation that torch runs has in common."""

from collections.abc import Mapping

from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode


class Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """A mode whose ``__torch_dispatch__`` is called without a detour."""

    def __init_subclass__(cls) -> None:
        """Do not wrap that method, as torch does, in what keeps ``torch.compile`` out of it.

        That takes several microseconds a call, and nothing is compiled while it is watched.
        """

    def __init__(self) -> None:
        """Start with nothing seen."""
        super().__init__()  # type: ignore[no-untyped-call]  # likewise


def tensors_in(nested: object) -> list[Tensor]:
    """List the tensors in arguments or results, in order: of tuples, lists and mappings."""
    found: list[Tensor] = []
    _collect(nested, found)
    return found


def storages_in(nested: object) -> list[UntypedStorage]:
    """List the memory of the tensors in arguments or results, in the same order."""
    return [tensor.untyped_storage() for tensor in tensors_in(nested)]


def _collect(nested: object, found: list[Tensor]) -> None:
    if isinstance(nested, Tensor):
        found.append(nested)
    elif isinstance(nested, list | tuple):
        for item in nested:
            _collect(item, found)
    elif isinstance(nested, Mapping):
        for item in nested.values():
            _collect(item, found)
