"""The names of every model, and how to build one from its name. Does not import torch."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from types import ModuleType
from typing import TYPE_CHECKING

from vig_models.errors import ModelError, did_you_mean
from vig_models.pretrained import pretrained_cfg

if TYPE_CHECKING:
    from vig_models.classifier import Classifier

FAMILIES: dict[str, tuple[str, ...]] = {
    "clustervig": (
        "clustervig_ti",
        "clustervig_s",
        "clustervig_b",
        "clustervig_b_hr",
        "clustervig_s_g4",
        "clustervig_b_g4",
        "clustervig_b_hr_g4",
    ),
    "greedyvig": ("greedyvig_s", "greedyvig_m", "greedyvig_b"),
    "mobilevig": ("mobilevig_ti", "mobilevig_s", "mobilevig_m", "mobilevig_b"),
    "mobilevigv2": ("mobilevigv2_ti", "mobilevigv2_s", "mobilevigv2_m", "mobilevigv2_b"),
    "pvg": ("pvg_s", "pvg_m", "pvg_l"),
    "pvt": ("pvt_tiny", "pvt_small", "pvt_medium", "pvt_large"),
    "pyramid_vig": ("pvig_ti", "pvig_s", "pvig_m", "pvig_b"),
    "vig": ("vig_ti", "vig_s", "vig_b"),
    "vihgnn": (
        "vihgnn_ti",
        "vihgnn_s",
        "vihgnn_b",
        "pvihgnn_ti",
        "pvihgnn_s",
        "pvihgnn_m",
        "pvihgnn_b",
    ),
}
"""Family (the name of its module here) to its variants, small to large."""

MILLIONS = {
    **{"clustervig_ti": 11.5, "clustervig_s": 35.5, "clustervig_b": 134.3},
    **{"clustervig_s_g4": 28.2, "clustervig_b_g4": 104.8},
    **{"clustervig_b_hr": 134.7, "clustervig_b_hr_g4": 105.2},
    **{"greedyvig_s": 12.0, "greedyvig_m": 21.9, "greedyvig_b": 30.9},
    **{"mobilevig_ti": 5.3, "mobilevig_s": 7.3, "mobilevig_m": 14.1, "mobilevig_b": 26.9},
    **{"mobilevigv2_ti": 5.7, "mobilevigv2_s": 7.8, "mobilevigv2_m": 15.5, "mobilevigv2_b": 27.9},
    **{"pvg_s": 22.1, "pvg_m": 42.2, "pvg_l": 86.9},
    **{"pvt_tiny": 13.2, "pvt_small": 24.5, "pvt_medium": 44.2, "pvt_large": 61.4},
    **{"pvig_ti": 12.5, "pvig_s": 29.0, "pvig_m": 51.7, "pvig_b": 95.2},
    **{"vig_ti": 7.2, "vig_s": 22.7, "vig_b": 86.8},
    **{"vihgnn_ti": 7.1, "vihgnn_s": 22.4, "vihgnn_b": 85.2},
    **{"pvihgnn_ti": 12.3, "pvihgnn_s": 28.6, "pvihgnn_m": 50.8, "pvihgnn_b": 93.5},
}
"""Parameters of each variant for 1,000 classes, in millions, to plan by before it is built."""

IMPLEMENTATIONS = ("fast", "published")
"""Ways of computing the same function; the names of ``create_model``."""


def list_models(pattern: str = "*") -> list[str]:
    """List the variants whose name matches a shell pattern, sorted.

    Example:
        >>> list_models("pvig_?")
        ['pvig_b', 'pvig_m', 'pvig_s']
    """
    names = (name for variants in FAMILIES.values() for name in variants)
    return sorted(name for name in names if fnmatchcase(name, pattern))


def family_of(name: str) -> str | None:
    """Return the family of variant ``name``, or None if there is no such variant.

    Example:
        >>> family_of("pvig_ti")
        'pyramid_vig'
    """
    return next((family for family, variants in FAMILIES.items() if name in variants), None)


def family_module(family: str) -> ModuleType:
    """Import the module of ``family``.

    By name and on demand, so that the names above can be read without torch and
    building a model loads one family, not all of them.
    """
    return importlib.import_module(f"vig_models.{family}")


def create_model(
    name: str,
    *,
    implementation: str = "fast",
    num_classes: int = 1000,
    in_chans: int = 3,
    drop_path_rate: float = 0.0,
    **config_overrides: object,
) -> Classifier:
    """Build variant ``name`` with freshly drawn weights, in training mode.

    Args:
        name: one of ``list_models()``.
        implementation: ``fast``, our formulation, or ``published``, the operations that the
            authors' code runs. Weights and outputs are the same, up to rounding.
        num_classes: logits per image; 0 leaves the last linear map away.
        in_chans: channels per image.
        drop_path_rate: probability of dropping the last block's branches in training;
            grows linearly from 0 at the first block.
        **config_overrides: other fields of the family's config, e.g. ``depth=2``.

    Returns:
        A module from images (B, in_chans, H, W) to logits (B, num_classes), with the methods of
        ``vig_models.classifier.Classifier`` and the transform of its weights in ``pretrained_cfg``.

    Raises:
        ModelError: for an unknown name or setting, or a setting out of range.
    """
    family = family_of(name)
    if family is None:
        guess = did_you_mean(name, list_models())
        raise ModelError(f"create_model: no model {name!r};{guess} list_models() has all names")
    if implementation not in IMPLEMENTATIONS:
        raise ModelError(
            f"create_model: want an implementation out of {', '.join(IMPLEMENTATIONS)}, "
            f"got {implementation!r}"
        )
    _check_at_least(0, "num_classes", num_classes)
    _check_at_least(1, "in_chans", in_chans)
    if not 0 <= drop_path_rate < 1:
        raise ModelError(f"create_model: want 0 <= drop_path_rate < 1, got {drop_path_rate!r}")
    module = family_module(family)
    variant = module.VARIANTS[name]
    _check_known(name, config_overrides, [field.name for field in dataclasses.fields(variant)])
    config = dataclasses.replace(
        variant,
        num_classes=num_classes,
        in_chans=in_chans,
        drop_path_rate=drop_path_rate,
        implementation=implementation,
        **config_overrides,
    )
    model: Classifier = module.Model(config)
    model.pretrained_cfg = pretrained_cfg(name)
    return model


def _check_at_least(least: int, setting: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ModelError(
            f"create_model: want an integer of at least {least} for {setting}, got {value!r}"
        )


def _check_known(name: str, overrides: Iterable[str], settings: list[str]) -> None:
    for setting in overrides:
        if setting not in settings:
            raise ModelError(
                f"create_model: {name} has no setting {setting!r};"
                f"{did_you_mean(setting, settings)} it has {', '.join(settings)}"
            )
