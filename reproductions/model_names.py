"""Which models exist, by name and family. Imports no torch; tests hold it to the registries."""

import difflib
from typing import Literal

from reproductions.timm_names import FAMILIES as TIMM_FAMILIES
from vig_models.registry import FAMILIES as VIG_FAMILIES
from vig_models.registry import MILLIONS

_TIMM_FAMILY = {name: family for family, names in TIMM_FAMILIES.items() for name in names}
_VIG_FAMILY = {name: family for family, names in VIG_FAMILIES.items() for name in names}


def supplier_of(name: str) -> Literal["timm", "vig_models"] | None:
    """Name the package that builds ``name``; our own models come first."""
    if name in _VIG_FAMILY:
        return "vig_models"
    return "timm" if name in _TIMM_FAMILY else None


def family_of(name: str) -> str | None:
    """Name the family of a model as its registry has it; timm's are its module names."""
    return _VIG_FAMILY.get(name) or _TIMM_FAMILY.get(name)


def module_of(name: str) -> str | None:
    """Name the module of this project that holds a model, or None for timm's."""
    return f"vig_models.{_VIG_FAMILY[name]}" if name in _VIG_FAMILY else None


def millions_of(name: str) -> float:
    """Give the parameters of a model of this project, in millions; 0 for timm's."""
    return MILLIONS.get(name, 0.0)


def suggestion_for(name: str) -> str:
    """Say which known model was perhaps meant, as a clause, or nothing."""
    close = difflib.get_close_matches(name, [*_VIG_FAMILY, *_TIMM_FAMILY], n=1, cutoff=0.7)
    return f"; did you mean {close[0]!r}?" if close else ""
