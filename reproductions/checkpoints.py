"""Models with the weights of their authors: fetched, checked, every entry accounted for.

A checkpoint is read without running anything it holds (``weights_only``, or safetensors).
"""

import argparse
import pickle
import re
import struct
import textwrap
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy
import torch
from numpy._core.multiarray import scalar
from pydantic import JsonValue
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

import vig_models
from reproductions.artifact_cache import evidence, is_safetensors, locate
from reproductions.artifacts import artifact
from reproductions.errors import ReproductionError
from reproductions.model_names import suggestion_for, supplier_of
from vig_models.checkpoints import WRAPPERS, rename_authors_state

__all__ = ["Checkpoint", "load_weights", "read_checkpoint", "read_plain"]

HARMLESS = (
    argparse.Namespace,
    numpy.dtype,
    numpy.dtypes.Float32DType,
    numpy.dtypes.Float64DType,
    numpy.dtypes.Int64DType,
    (scalar, "numpy._core.multiarray.scalar"),
    (scalar, "numpy.core.multiarray.scalar"),  # as older versions of numpy called it
)
"""What a checkpoint may hold besides tensors and containers: the options of a training script and
its best figure, which are data and run nothing when they are made."""

CLASSES = 1000
"""Of ImageNet-1k, which all weights here are for."""
_MET = re.compile(r"GLOBAL (\S+)")
"""How torch names what it refuses to make."""
_REFUSED = "WeightsUnpickler error:"
"""What torch says before the reason why it cannot read a pickle."""
_DAMAGED = (
    pickle.UnpicklingError,
    SafetensorError,
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What reading bytes that are no checkpoint comes to."""
_SHOWN = 3


class Checkpoint:
    """The weights found in a file, and where among its entries they stood."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        inner = (key for key in WRAPPERS if isinstance(content.get(key), Mapping))
        self.took = next(inner, None)
        """The entry that held the weights; None where they are the whole file."""
        self.left = sorted(key for key in content if key != self.took) if self.took else []
        """What else the file held."""
        self.weights: Mapping[str, Any] = content if self.took is None else content[self.took]


def load_weights(
    model_name: str, artifact_name: str, *, implementation: str = "fast"
) -> tuple[nn.Module, dict[str, JsonValue]]:
    """Build a classifier with fetched weights, in eval mode, on the CPU.

    Args:
        model_name: a variant of ``vig_models``, or a model of timm.
        artifact_name: as the catalogue has it, such as ``weights/vig_s``.
        implementation: of a variant of ``vig_models``, as ``create_model`` has it.

    Returns:
        The model, and what a ledger should record: that of ``artifact_cache.evidence``, ``took``
        (the entry of the file that held the weights; None: all of it), ``left`` (its other
        entries) and ``entries`` (how many weights were loaded).

    Raises:
        NotMeasurableError: the weights were not fetched.
        ReproductionError: there is no such model, the artifact is not for it, or the file is
            damaged, holds code, or is the checkpoint of something else.
    """
    supplier = supplier_of(model_name)
    if supplier is None:
        raise ReproductionError(f"no model {model_name!r}{suggestion_for(model_name)}")
    entry = artifact(artifact_name)
    if model_name not in entry.serves:
        raise ReproductionError(
            f"{artifact_name}: want weights of {model_name}, found weights of "
            f"{', '.join(entry.serves)}; name the artifact of {model_name}"
        )
    checkpoint = read_checkpoint(locate(artifact_name), artifact_name)
    if supplier == "vig_models":
        model = _ours(model_name, artifact_name, checkpoint, implementation)
    else:
        model = _timms(entry.timm or model_name, artifact_name, checkpoint)
    told: dict[str, JsonValue] = {
        "took": checkpoint.took,
        "left": list[JsonValue](checkpoint.left),
        "entries": len(checkpoint.weights),
    }
    return model.eval(), evidence(artifact_name) | told


def read_checkpoint(path: Path, name: str) -> Checkpoint:
    """Read a file of weights; nothing in it is run.

    Args:
        path: safetensors, or what ``torch.save`` wrote; told apart by what they begin with.
        name: what messages call it.

    Raises:
        ReproductionError: it is damaged, holds code, or holds no weights.
    """
    content = read_plain(path, name)
    if not isinstance(content, Mapping):
        raise ReproductionError(
            f"{name}: want a mapping from names to tensors, found {type(content).__name__!r}; "
            "it is no checkpoint"
        )
    checkpoint = Checkpoint(content)
    if not any(isinstance(value, Tensor) for value in checkpoint.weights.values()):
        raise ReproductionError(
            f"{name}: want tensors by name, alone or under {', '.join(WRAPPERS)}, found "
            f"{', '.join(map(repr, list(content)[:_SHOWN])) or 'nothing'}; it is no checkpoint"
        )
    return checkpoint


def read_plain(path: Path, name: str) -> Any:
    """Read a file of weights, whatever it holds besides code; arguments as ``read_checkpoint``.

    Raises:
        ReproductionError: it is damaged, or holds code.
    """
    try:
        return load_file(path) if is_safetensors(path) else _unpickled(path)
    except _DAMAGED as error:
        raise ReproductionError(f"{name}: {_unread(error)}") from error


def _unpickled(path: Path) -> Any:
    with torch.serialization.safe_globals(list(HARMLESS)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected pickle protocol")  # read or refused
        return torch.load(path, map_location="cpu", weights_only=True)


def _unread(error: Exception) -> str:
    met = _MET.search(str(error)) if isinstance(error, pickle.UnpicklingError) else None
    if met is not None:
        return (
            f"want weights alone, found {met[1]!r}, whose making may run code; nothing was run, "
            "ask its authors for plain weights or safetensors"
        )
    return (
        "want a checkpoint of torch or safetensors, found a damaged file or another kind "
        f"({_brief(error)}); fetch another with --from FILE"
    )


def _brief(error: object) -> str:
    told = str(error).rpartition(_REFUSED)[2].strip()  # before it stands advice of torch
    return textwrap.shorten(told.split("\n", 1)[0], 120, placeholder=" ...") or type(error).__name__


# -- our variants -----------------------------------------------------------------------


def _ours(model_name: str, name: str, checkpoint: Checkpoint, implementation: str) -> nn.Module:
    model = vig_models.create_model(model_name, num_classes=CLASSES, implementation=implementation)
    given = rename_authors_state(model, checkpoint.weights)
    problem = _misfit(model.state_dict(), given)
    if problem is not None:
        other = _owner_of(model_name, checkpoint)
        hint = f"; it is a checkpoint of {other}" if other else "; it is no checkpoint of it"
        raise ReproductionError(
            f"{name}: want the weights of {model_name}, found {problem}{hint}; "
            "fetch another with --from FILE"
        )
    try:
        vig_models.load_authors_state_dict(model, checkpoint.weights)
    except vig_models.ModelError as error:
        told = str(error).removeprefix("load_authors_state_dict: ")
        raise ReproductionError(f"{name}: {told}; fetch it again") from error
    return model


def _misfit(own: Mapping[str, Tensor], given: Mapping[str, Any]) -> str | None:
    """Say in one clause that entries are missing, too many or of another shape."""
    classes = _classes(own, given)
    if classes is not None:
        return classes
    derived = {entry for entry in own if entry.endswith("relative_pos")}
    misshapen = [n for n in own.keys() & given.keys() if _shape(given[n]) != own[n].shape]
    groups = {
        "missing": own.keys() - given.keys() - derived,
        "unexpected": given.keys() - own.keys(),
        "of another shape": misshapen,
    }
    told = [
        f"{len(entries)} {how}, such as {min(entries)!r}"
        for how, entries in groups.items()
        if entries
    ]
    return f"entries that do not fit: {'; '.join(told)}" if told else None


def _classes(own: Mapping[str, Tensor], given: Mapping[str, Any]) -> str | None:
    """Say that only the number of classes differs, if that is so."""
    if own.keys() != given.keys():
        return None
    differing = [(own[n].shape, _shape(given[n])) for n in own if own[n].shape != _shape(given[n])]
    counts = {
        theirs[0] if theirs and ours[0] == CLASSES and ours[1:] == theirs[1:] else None
        for ours, theirs in differing
    }
    if len(counts) != 1 or None in counts:
        return None
    return f"{counts.pop()} classes instead of {CLASSES}"


def _shape(value: object) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) else None


def _owner_of(model_name: str, checkpoint: Checkpoint) -> str | None:
    """Find the variant that a checkpoint fits, by names and shapes alone."""
    for other in vig_models.list_models():
        if other == model_name:
            continue
        with torch.device("meta"):
            model = vig_models.create_model(other)
        given = rename_authors_state(model, checkpoint.weights)
        if _misfit(model.state_dict(), given) is None:
            return other
    return None


# -- timm's -----------------------------------------------------------------------------


def _timms(tagged: str, name: str, checkpoint: Checkpoint) -> nn.Module:
    """Build a model of timm; its own renaming is run, and every entry has to be used."""
    timm = import_module("timm")
    weights = dict(checkpoint.weights)
    try:
        model = timm.create_model(
            tagged, pretrained=True, pretrained_cfg_overlay={"state_dict": weights}
        )
    except (RuntimeError, KeyError, AttributeError, ValueError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        told = lines[1] if len(lines) > 1 else _brief(error)
        more = f" and {len(lines) - 2} more" if len(lines) > 2 else ""  # noqa: PLR2004 - the first is a title
        raise ReproductionError(
            f"{name}: want the weights of {tagged}, found ones that do not fit "
            f"({told[:300]}{more}); it is the checkpoint of something else; "
            "fetch another with --from FILE"
        ) from error
    model.pretrained_cfg.pop("state_dict", None)  # all the weights once more
    _finite(name, model)
    return cast(nn.Module, model)


def _finite(name: str, model: nn.Module) -> None:
    for entry, value in model.state_dict().items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ReproductionError(
                f"{name}: want finite weights, found others in {entry!r}; fetch it again"
            )
