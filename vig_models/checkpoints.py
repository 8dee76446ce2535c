"""Loading the authors' checkpoints into our models."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from vig_models.errors import ModelError
from vig_models.naming import Renames, from_official, to_official
from vig_models.registry import FAMILIES, family_module

WRAPPERS = ("model", "state_dict", "model_ema")
"""Where training scripts put the weights among other things; the first one found counts."""

DERIVED = "relative_pos"
"""How the names of tables end that follow from the shape of the model."""

DERIVED_TOLERANCE = 1e-6
"""Largest difference of a stored table from ours: several roundings to float32."""


def load_authors_state_dict(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a checkpoint of the authors into the same variant of ours, every entry of it.

    Args:
        model: what ``create_model`` returned, on a real device.
        state: the authors' state dict, bare or under ``model``, ``state_dict`` or
            ``model_ema`` (the first of these), names with or without ``module.``.
            Derived position tables may be absent; where present they must agree with ours.

    Raises:
        ModelError: if the model is not of this package or has no memory, if the state is no
            mapping, if any entry is missing, unexpected, damaged (no tensor, of another kind of
            number, not finite) or of the wrong shape, or if a position table differs.
    """
    own = model.state_dict()
    if any(entry.is_meta for entry in own.values()):
        raise ModelError(
            "load_authors_state_dict: want a model with memory, got one on the meta device; "
            "build it on another device"
        )
    given = rename_authors_state(model, state)
    require_fit(model, given)
    model.load_state_dict({**own, **given})


def require_fit(model: nn.Module, given: Mapping[str, Any], adapted: Sequence[str] = ()) -> None:
    """Check that a checkpoint has every entry of a model and no other.

    Args:
        model: what ``create_model`` returned.
        given: entries by our names.
        adapted: layers that the caller makes fit; they may differ.

    Raises:
        ModelError: as ``load_authors_state_dict``, naming the entries as the authors do.
    """
    renames = _renames_of(model)
    free = {f"{layer}.{entry}" for layer in adapted for entry in ("weight", "bias")}
    problems = [
        f"{problem} {to_official(name, renames)!r}{detail}"
        for problem, name, detail in _compare(model.state_dict(), given)
        if name not in free or problem == "damaged"
    ]
    if problems:
        raise ModelError(
            f"load_authors_state_dict: the state does not fit {type(model).__name__}: "
            + ", ".join(problems)
        )


def rename_authors_state(model: nn.Module, state: Mapping[str, Any]) -> dict[str, Any]:
    """Take the weights out of a checkpoint of the authors and rename its entries to ours.

    Args:
        model: what ``create_model`` returned.
        state: as for ``load_authors_state_dict``; names that are ours already stay. Where the
            authors have an inference form of their own, its entries become those of training.

    Raises:
        ModelError: the model is not of this package, or the state is no mapping.
    """
    renames = _renames_of(model)
    given = {from_official(name, renames): value for name, value in _unwrap(state).items()}
    undo = getattr(_module_of(model), "undo_reparameterization", None)
    return given if undo is None else undo(given)


def _renames_of(model: nn.Module) -> Renames:
    renames: Renames = _module_of(model).OFFICIAL_NAMES
    return renames


def _module_of(model: nn.Module) -> ModuleType:
    package, _, family = type(model).__module__.rpartition(".")
    if package != "vig_models" or family not in FAMILIES:
        raise ModelError(
            f"load_authors_state_dict: want a model of create_model, got {type(model).__name__!r}"
        )
    return family_module(family)


def _unwrap(state: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(state, Mapping):
        raise ModelError(
            "load_authors_state_dict: want a mapping from names to tensors, "
            f"got {type(state).__name__!r}; load the file with torch.load(..., weights_only=True)"
        )
    inner = (state[key] for key in WRAPPERS if isinstance(state.get(key), Mapping))
    weights = next(inner, state)
    return {name.removeprefix("module."): value for name, value in weights.items()}


def _compare(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[tuple[str, str, str]]:
    """Return what is wrong with ``given`` as (problem, our name, detail)."""
    missing = own.keys() - given.keys()
    problems = [("missing", name, "") for name in sorted(missing) if not name.endswith(DERIVED)]
    problems += [("unexpected", name, "") for name in sorted(given.keys() - own.keys())]
    for name in sorted(own.keys() & given.keys()):
        want, got = own[name], given[name]
        damage = _damage(want, got)
        if damage:
            problems.append(("damaged", name, f" ({damage})"))
        elif want.shape != got.shape:
            shapes = f" (want {tuple(want.shape)}, got {tuple(got.shape)})"
            problems.append(("misshapen", name, shapes))
        elif name.endswith(DERIVED):
            gap = (want.cpu().double() - got.cpu().double()).abs().max().item()
            if not gap <= DERIVED_TOLERANCE:
                problems.append(("wrong", name, f" (off the derived table by up to {gap:.1e})"))
        elif not bool(got.isfinite().all()):
            problems.append(("damaged", name, " (it holds values that are not finite)"))
    return problems


def _damage(want: Tensor, got: object) -> str | None:
    """Say what keeps an entry from being weights at all; None if nothing does."""
    if not isinstance(got, Tensor):
        return f"want a tensor, got {type(got).__name__!r}"
    if want.is_floating_point() != got.is_floating_point():
        return f"want {want.dtype}, got {got.dtype}"
    return "it holds no values, it is on the meta device" if got.is_meta else None
