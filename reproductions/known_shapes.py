"""What an operation returns on the meta device, remembered from the last time it was asked.

A meta tensor has a shape and no values, so that what comes out follows from shapes, strides, types
and other arguments alone. torch works many of these out in Python, a millisecond each, and a model
asks the same again in every block, and for every weight that it draws.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from reproductions.watching import Watching, tensors_in

Form = tuple[object, ...]
"""Type, shape, strides, offset and memory of a tensor."""

Known = dict[tuple[object, ...], Callable[[Any], object]]
"""An operation and what it was given, to what makes the answer of its first argument."""

_KNOWN: Known = {}
"""What this process has asked so far: models of a family, and passes over one, ask the same."""
_MOST_KNOWN = 100_000
"""Answers kept, of about a kilobyte each; beyond that all are asked for anew."""


class KnownShapes(Watching):
    """Answers repeated operations on meta tensors; everything else runs.

    Enter it before a mode that watches operations, which then sees every one of them.
    """

    def __init__(self, known: Known | None = None) -> None:
        """Start with what is known, which is added to; with nothing by default."""
        super().__init__()
        self._known: Known = {} if known is None else known
        # Without one of its own, a result has this type: an argument of every operation.
        self._default = torch.get_default_dtype()

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        parts: list[object] = [operation, self._default]
        if not (args and _write_down(args, parts) and _write_down_named(kwargs, parts)):
            return operation(*args, **kwargs)
        key = tuple(parts)
        known = self._known.get(key)
        if known is not None:
            return known(args[0])
        given = tensors_in((args, kwargs))
        before = [_form(one) for one in given]
        results = operation(*args, **kwargs)
        if before != [_form(one) for one in given]:
            return results  # it put a tensor into another form
        if results is args[0]:
            self._known[key] = _itself  # changed in place, where there is nothing to change
        elif (maker := _maker(results, {one.untyped_storage() for one in given})) is not None:
            self._known[key] = maker
        return results


def known_shapes_on(device: torch.device) -> AbstractContextManager[object]:
    """Remember shapes where nothing else is to be had, on the meta device."""
    return _known_here() if device.type == "meta" else nullcontext()


def _known_here() -> KnownShapes:
    if len(_KNOWN) > _MOST_KNOWN:
        _KNOWN.clear()
    return KnownShapes(_KNOWN)


@contextmanager
def meta_device() -> Iterator[None]:
    """Make tensors, and so models, on the meta device; weights are not drawn one by one."""
    with torch.device("meta"), _known_here():
        yield


def _write_down(given: Sequence[Any], parts: list[object]) -> bool:
    """Add, without a gap, all that shapes follow from; False for values, which may matter too."""
    for one in given:
        if isinstance(one, Tensor):
            if not one.is_meta:
                return False
            parts += (one.dtype, one.shape, one.stride())
        elif isinstance(one, list | tuple):
            parts.append(len(one))
            if not _write_down(one, parts):
                return False
        else:
            parts += (type(one), one)  # 1, 1.0 and True are equal and make different types
    return True


def _write_down_named(given: Mapping[str, Any], parts: list[object]) -> bool:
    parts += given
    return not given or _write_down(tuple(given.values()), parts)


def _form(tensor: Tensor) -> Form:
    return (
        tensor.dtype,
        tensor.shape,
        tensor.stride(),
        tensor.storage_offset(),
        tensor.untyped_storage(),
    )


def _itself(first: Tensor) -> Tensor:
    return first


def _maker(results: Any, shared: set[torch.UntypedStorage]) -> Callable[[Any], object] | None:
    """Give what makes meta tensors of the same form; None for a view, or for anything else."""
    if isinstance(results, tuple):
        makers = [_maker(one, shared) for one in results]
        if None in makers:
            return None
        return lambda first: tuple(make(first) for make in makers if make)
    if not isinstance(results, Tensor) or not results.is_meta:
        return None
    if results.untyped_storage() in shared:
        return None
    shape, stride, dtype = results.shape, results.stride(), results.dtype
    return lambda first: torch.empty_strided(shape, stride, dtype=dtype, device="meta")
