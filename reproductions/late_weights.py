"""Models whose weights are drawn when they are needed, and forgotten right behind.

What random weights are is decided while a model is built: nothing is drawn then, but written down
how. The outermost parts that a forward pass calls (stem, blocks, head) draw the weights of their
layers when they are called, and give them back when they return, so that no more than one part's
weights live at a time. Each comes from the distribution that the model's authors draw it from;
where torch draws a convolution first in its own way, only the draw that counts takes place.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from reproductions.errors import NotMeasurableError
from reproductions.watching import tensors_in

_DRAWS = frozenset({"normal_", "uniform_", "kaiming_uniform_"})
"""After which nothing is left of what a tensor held before."""
_DATA = cast(Any, Tensor.data).__get__
"""What some draw is the weight without its gradient, which is here the weight itself."""
_READ_NO_VALUE = frozenset(
    {"__get__", "dim", "is_floating_point", "new_tensor", "numel", "size", "stride"}
)


class _Change(NamedTuple):
    """One change of a weight in place."""

    function: Callable[..., object]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class _WrittenDown(TorchFunctionMode):
    """Writes down what is done in place to weights of two axes or more, instead of doing it.

    A weight that is read, or handed on, is drawn there and then, and left alone from then on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.changes: dict[nn.Parameter, list[_Change]] = {}
        self._read: set[nn.Parameter] = set()

    def __torch_function__(
        self,
        function: Callable[..., object],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        kwargs = dict(kwargs or {})
        name = getattr(function, "__name__", "")
        first = args[0] if args else kwargs.get("tensor")
        if isinstance(first, nn.Parameter) and first.dim() > 1 and first not in self._read:
            if function == _DATA:
                return first
            if name in _DRAWS:
                self.changes[first] = []
            if first in self.changes and name.endswith("_") and not name.endswith("__"):
                kwargs.pop("tensor", None)
                self.changes[first].append(_Change(function, args[1:], kwargs))
                return first
        if name not in _READ_NO_VALUE:
            for one in (*args, *kwargs.values()):
                if isinstance(one, nn.Parameter) and one in self.changes:
                    _draw(one, self.changes.pop(one))
                    self._read.add(one)
        return function(*args, **kwargs)


@contextmanager
def late_weights(build: Callable[[], nn.Module]) -> Iterator[nn.Module]:
    """Build a model, on the CPU, that draws its weights whenever it runs, from torch's generator.

    Args:
        build: makes the model.

    Yields:
        The model, in the mode that ``build`` left it in. It raises NotMeasurableError where its
        output is not a number, as a weight is that is read while the part it belongs to is not
        running.
    """
    written = _WrittenDown()
    with written:
        model = build()
    layers = [part for part in model.modules() if not any(True for _ in part.children())]
    owned = {id(one) for layer in layers for one in layer.parameters(recurse=False)}
    late = {one: changes for one, changes in written.changes.items() if id(one) in owned}
    for parameter, changes in written.changes.items():
        if parameter in late:
            parameter.data = _nothing(parameter)
        else:
            _draw(parameter, changes)
    parts = _Parts(late)
    handles = [model.register_forward_hook(_check)]
    handles += [
        handle
        for module in model.modules()
        if module is not model
        for handle in (
            module.register_forward_pre_hook(parts.enter),
            module.register_forward_hook(parts.leave, always_call=True),
        )
    ]
    try:
        yield model
    finally:
        for handle in handles:
            handle.remove()


class _Parts:
    """Draws the weights of the outermost part that runs."""

    def __init__(self, late: Mapping[nn.Parameter, list[_Change]]) -> None:
        self._late = late
        self._open: nn.Module | None = None
        self._free: defaultdict[torch.Size, list[Tensor]] = defaultdict(list)
        """Memory that parts gave back: the next part has mostly weights of the same shapes."""

    def enter(self, part: nn.Module, _args: object) -> None:
        """Forward pre-hook."""
        if self._open is not None:
            return
        self._open = part
        for parameter in part.parameters():
            if parameter in self._late:
                free = self._free[parameter.shape]
                parameter.data = free.pop() if free else torch.empty(parameter.shape)
                _draw(parameter, self._late[parameter])

    def leave(self, part: nn.Module, _args: object, _result: object) -> None:
        """Forward hook."""
        if self._open is not part:
            return
        self._open = None
        for parameter in part.parameters():
            if parameter in self._late:
                self._free[parameter.shape].append(parameter.data)
                parameter.data = _nothing(parameter)


def _check(model: nn.Module, _args: object, result: object) -> None:
    """Forward hook of the model."""
    if any(bool(tensor.isnan().any()) for tensor in tensors_in(result)):
        raise NotMeasurableError(
            f"{type(model).__name__}: want numbers, found outputs that are none; a weight may be "
            "read outside of the part of the model that it belongs to"
        )


@torch.no_grad()
def _draw(parameter: nn.Parameter, changes: Sequence[_Change]) -> None:
    for change in changes:
        change.function(parameter, *change.args, **change.kwargs)


def _nothing(parameter: nn.Parameter) -> Tensor:
    """Make a tensor of the same shape that takes no memory: the same number everywhere, none."""
    return torch.full((), torch.nan, dtype=parameter.dtype).expand(parameter.shape)
