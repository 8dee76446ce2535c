"""How much memory tensors take at most while something runs on the CPU.

Every operation is watched; the memory behind what it returns counts from then on until nothing
refers to it. Unlike the resident set of the process this sees no allocator and no library, and
unlike hooks on what autograd saves it sees the second run of a checkpoint. It agrees
with torch's profiler byte for byte, but where torch works in place unless somebody watches: the
backward pass of a maximum, so that a training step of a fast form may read one activation more.
"""

import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from reproductions.watching import Watching, storages_in


class LiveBytes(Watching):
    """Counts the bytes of all memory that was made inside and still lives.

    Example:
        >>> with LiveBytes() as memory:
        ...     kept = torch.ones(1000)
        ...     kept = kept + 1  # for a moment both live
        >>> memory.peak, memory.now
        (8000, 4000)
    """

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.now = 0
        """Bytes that live."""
        self.peak = 0
        """The most that lived at once."""
        self._tokens = weakref.WeakKeyDictionary[torch.UntypedStorage, object]()
        self._bytes: dict[object, int] = {}
        """What lives, by token."""

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run an operation and count what it made."""
        given = {id(storage) for storage in storages_in((args, kwargs))}
        results = operation(*args, **(kwargs or {}))
        for storage in storages_in(results):
            if storage in self._tokens:
                self._resize(self._tokens[storage], storage.nbytes())
            elif id(storage) not in given:  # what is given and unknown was there before
                token = self._tokens[storage] = object()
                weakref.finalize(storage, self._forget, token).atexit = False
                self._resize(token, storage.nbytes())
        return results

    def _resize(self, token: object, size: int) -> None:
        self.now += size - self._bytes.get(token, 0)
        self._bytes[token] = size
        self.peak = max(self.peak, self.now)

    def _forget(self, token: object) -> None:
        self.now -= self._bytes.pop(token)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Add up the memory behind tensors, shared memory once."""
    storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage() for tensor in tensors}
    return sum(storage.nbytes() for storage in storages.values())
