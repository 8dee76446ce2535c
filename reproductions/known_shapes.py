"""What an operation returns on the meta device, remembered from the last time it was asked.

A meta tensor has a shape and no values, so that what comes out follows from shapes, strides, types
and other arguments alone. torch works many of these out in Python, a millisecond each, and a model
asks the same again in every block, and for every weight that it draws.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Form = tuple[object, ...]
"""Type, shape, strides, offset and memory of a tensor."""


class KnownShapes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Answers repeated operations on meta tensors; everything else runs.

    Enter it before a mode that watches operations, which then sees every one of them.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # likewise
        self._known: dict[tuple[object, ...], Callable[[Any], object]] = {}
        """An operation and what it was given, to what makes the answer of its first argument."""

    def __torch_dispatch__(
        self,
        operation: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        parts = (*_parts(args), *_parts(kwargs), *_parts(kwargs.values()))
        if _VALUES in parts or not args:
            return operation(*args, **kwargs)
        key = (operation, *parts)
        known = self._known.get(key)
        if known is not None:
            return known(args[0])
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        before = [_form(one) for one in given]
        results = operation(*args, **kwargs)
        if before != [_form(one) for one in given]:
            return results  # it put a tensor into another form
        if results is args[0]:
            self._known[key] = _itself  # changed in place, where there is nothing to change
        elif (maker := _maker(results, {one.untyped_storage() for one in given})) is not None:
            self._known[key] = maker
        return results


@contextmanager
def meta_device() -> Iterator[None]:
    """Make tensors, and so models, on the meta device; weights are not drawn one by one."""
    with torch.device("meta"), KnownShapes():
        yield


_VALUES = object()
"""Stands for a tensor that has values, on which a result may depend."""


def _parts(given: Iterable[Any]) -> Iterator[object]:
    """Write down, without a gap, all that shapes follow from."""
    for one in given:
        if isinstance(one, Tensor):
            yield from (one.dtype, one.shape, one.stride()) if one.is_meta else (_VALUES,)
        elif isinstance(one, list | tuple):
            yield len(one)
            yield from _parts(one)
        else:
            yield from (type(one), one)  # 1, 1.0 and True are equal and make different types


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
