"""What one ATen operation amounts to: multiply-accumulates, or elements of a layer.

Own formulas, from the shapes of the operands alone. What multiplies inside one fused
operation without a formula here, or stands outside ATen, is refused rather than passed
over: a count that misses something is not a count.

Conventions: padding positions of a convolution count as if they held values, biases and
scale factors do not count, and neither does anything elementwise.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor
from torch._ops import OpOverload

from reproductions.errors import NotMeasurableError

Kind = Literal[
    "convolution",
    "matrix_product",
    "distances",
    "norm",
    "batch_norm",
    "other_norm",
    "pooling",
]
"""``other_norm`` is LayerNorm or GroupNorm, ``norm`` the length of vectors."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one operation does."""

    kind: Kind
    amount: int
    """Multiply-accumulates; of a normalization, a pooling or a norm its input elements."""
    factors: tuple[Tensor, ...]
    """What a matrix product multiplies, or the one input."""


_MATRIX_PRODUCTS = MappingProxyType(
    {
        "mm": (0, 1),
        "bmm": (0, 1),
        "mv": (0, 1),
        "dot": (0, 1),
        "vdot": (0, 1),
        "addmm": (1, 2),
        "_addmm_activation": (1, 2),
        "addbmm": (1, 2),
        "baddbmm": (1, 2),
        "addmv": (1, 2),
    }
)
"""Operation to the positions of its two factors."""

_INPUT_ELEMENTS: Mapping[str, Kind] = MappingProxyType(
    {
        "norm": "norm",
        "linalg_vector_norm": "norm",
        "native_batch_norm": "batch_norm",
        "_native_batch_norm_legit": "batch_norm",
        "_native_batch_norm_legit_no_training": "batch_norm",
        "_batch_norm_no_update": "batch_norm",
        "_batch_norm_with_update": "batch_norm",
        "cudnn_batch_norm": "batch_norm",
        "native_layer_norm": "other_norm",
        "native_group_norm": "other_norm",
        "avg_pool2d": "pooling",
        "avg_pool3d": "pooling",
        "max_pool2d_with_indices": "pooling",
        "max_pool3d_with_indices": "pooling",
        "_adaptive_avg_pool2d": "pooling",
        "_adaptive_avg_pool3d": "pooling",
        "adaptive_max_pool2d": "pooling",
        "adaptive_max_pool3d": "pooling",
    }
)
"""Operation to what it is; those on one axis call the ones on two."""

_REFUSED = re.compile(
    r"conv(olution)?($|_|\d)|(mm|mv|dot)$|(^|_)(matmul|linear)($|_)|attention|transformer"
    r"|lstm|gru|rnn|^_trilinear|_fft|linalg_|pdist|(batch|layer|group|rms|native)_norm|pool\d"
)
"""Names of operations that multiply, normalize or pool; those with a formula come first."""

_NAMESPACES = frozenset({"aten", "prim", "prims"})


def work_of(operation: OpOverload, args: Sequence[Any], results: object) -> Work | None:
    """Say what an operation does; None if that does not count.

    Args:
        operation: one that calls no other operation.
        args: its positional arguments.
        results: what it returned.

    Raises:
        NotMeasurableError: the operation multiplies and there is no formula for it.
    """
    formula = _formula_for(operation)
    return None if formula is None else formula(args, results)


@cache
def _formula_for(operation: OpOverload) -> "_Formula | None":
    namespace, _, name = operation._schema.name.partition("::")
    if name in _FORMULAS:
        return _FORMULAS[name]
    if name in _MATRIX_PRODUCTS:
        return partial(_matrix_product, *_MATRIX_PRODUCTS[name])
    if name in _INPUT_ELEMENTS:
        return partial(_input_elements, _INPUT_ELEMENTS[name])
    if namespace not in _NAMESPACES or _REFUSED.search(name):
        raise NotMeasurableError(
            f"operation {namespace}::{name}: want a formula for its multiply-accumulates, "
            "found none; add one to reproductions/operations.py"
        )
    return None


def _matrix_product(first: int, second: int, args: Sequence[Any], _results: object) -> Work:
    """Multiply (..., N, K) by (..., K, M) or by a vector (K), which stand at these positions."""
    left, right = args[first], args[second]
    columns = right.shape[-1] if right.dim() > 1 else 1
    return Work(kind="matrix_product", amount=left.numel() * columns, factors=(left, right))


def _input_elements(kind: Kind, args: Sequence[Any], _results: object) -> Work:
    """Read every element of the input once."""
    return Work(kind=kind, amount=args[0].numel(), factors=(args[0],))


def _convolution(args: Sequence[Any], results: Any) -> Work:
    """Convolve: each output (transposed: input) element meets one filter, all its taps."""
    images, weight, transposed = args[0], args[1], args[6]
    elements = (images if transposed else results).numel()
    taps = weight[0].numel()  # (in / groups) x kernel; transposed: (out / groups) x kernel
    return Work(kind="convolution", amount=elements * taps, factors=(images, weight))


def _all_pairs(args: Sequence[Any], results: Any) -> Work:
    """Compare each of N points with each of M in C dimensions: N M C."""
    points = args[0]  # (..., N, C)
    return Work(kind="distances", amount=results.numel() * points.shape[-1], factors=(points,))


def _mean(args: Sequence[Any], _results: object) -> Work | None:
    """Take the mean; over all positions of a map it is global average pooling.

    Of the axes (B, C, H, W), (B, H, W, C), (B, N, C) two then remain: that of the images
    and one more.
    """
    values = args[0]
    axes = {axis % values.dim() for axis in args[1] or ()} if len(args) > 1 else set()
    is_pooling = axes and 0 not in axes and len(axes) == values.dim() - 2
    return Work(kind="pooling", amount=values.numel(), factors=(values,)) if is_pooling else None


_Formula = Callable[[Sequence[Any], Any], Work | None]
_FORMULAS: Mapping[str, _Formula] = MappingProxyType(
    {
        "convolution": _convolution,
        "_convolution": _convolution,
        "_cdist_forward": _all_pairs,
        "_euclidean_dist": _all_pairs,
        "mean": _mean,
    }
)
