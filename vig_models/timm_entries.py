"""Every variant under its name in timm's registry: ``timm.create_model("vig_ti")``.

Importing this module registers them. ``import vig_models`` sees to that as soon as timm is
imported, in whichever order the two are, without importing timm itself.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

from vig_models.checkpoints import rename_authors_state, require_fit
from vig_models.errors import ModelError
from vig_models.pretrained import pretrained_cfg
from vig_models.registry import create_model, list_models

if TYPE_CHECKING:  # half imported where building a model is what imports timm
    from vig_models.classifier import Classifier

__all__: list[str] = []

default_cfgs = generate_default_cfgs({name: pretrained_cfg(name) for name in list_models()})
"""What timm reads the transform and the address of the weights from."""


def _to_ours(state: Mapping[str, Any], model: "Classifier") -> dict[str, Tensor]:
    """Rename the authors' entries; derived position tables that are absent come from the model.

    What does not fit is refused here: where timm adapts the classifier it loads the rest, fitting
    or not.
    """
    given = rename_authors_state(model, state)
    cfg = model.pretrained_cfg
    require_fit(model, given, adapted=(cfg["first_conv"], *cfg["classifier"]))
    own = {name: entry for name, entry in model.state_dict().items() if "relative_pos" in name}
    return {**own, **given}


def _create(name: str, *, img_size: object = None, **settings: Any) -> "Classifier":
    """Build ``name``; the image size that timm passes on must be one that needs no resampling."""
    cfg = default_cfgs[name].default
    side = cfg.input_size[-1]
    if cfg.fixed_input_size and img_size not in {None, side, (side, side)}:
        raise ModelError(
            f"timm.create_model: want img_size {side} for {name}, whose position embedding has a "
            f"fixed size, got {img_size!r}"
        )
    return create_model(name, **settings)


def _entry(name: str) -> Callable[..., nn.Module]:
    def build(pretrained: bool = False, **settings: Any) -> nn.Module:
        if settings.get("features_only"):
            raise ModelError(
                f"timm.create_model: {name} has no form that returns features alone; "
                "call forward_features of the model instead"
            )
        model: nn.Module = build_model_with_cfg(
            partial(_create, name),
            name,
            pretrained,
            pretrained_filter_fn=_to_ours,
            **settings,
        )
        return model

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"Build {name}; see ``vig_models.create_model`` for its settings."
    return build


for _name in list_models():
    register_model(_entry(_name))
