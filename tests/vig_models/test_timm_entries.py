"""Our models as timm's users reach them."""

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from timm.data import resolve_model_data_config
from torch import nn

from vig_models import ModelError, create_model, list_models
from vig_models.naming import to_official
from vig_models.registry import family_module

ORDERS = {
    "timm first": "import timm, vig_models",
    "timm second": "import vig_models, timm",
    "timm by a model": "import vig_models; vig_models.create_model('vig_ti', depth=1); import timm",
}


@pytest.mark.parametrize("imports", ORDERS.values(), ids=ORDERS)
def test_importing_both_in_any_order_is_enough(imports: str) -> None:
    code = f"{imports}; print(timm.is_model('vig_ti'), timm.is_model('pvt_large'))"
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert ran.stdout == "True True\n"


def test_importing_vig_models_loads_neither_timm_nor_torch() -> None:
    code = "import sys, vig_models; print({'timm', 'torch'} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert ran.stdout == "set()\n"


@pytest.mark.parametrize("name", list_models())
def test_timm_builds_what_we_build(name: str) -> None:
    with torch.device("meta"):
        ours = create_model(name, num_classes=7)
        theirs = timm.create_model(name, num_classes=7)
    assert type(theirs) is type(ours)
    assert theirs.config == ours.config
    assert theirs.default_cfg["crop_pct"] == ours.pretrained_cfg["crop_pct"]


@pytest.mark.parametrize("name", list_models())
def test_the_layers_timm_adapts_are_named(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name, num_classes=7, in_chans=5)
    first = model.get_submodule(model.pretrained_cfg["first_conv"])
    assert isinstance(first, nn.Conv2d)
    assert first.in_channels == 5
    named = [model.get_submodule(layer) for layer in model.pretrained_cfg["classifier"]]
    outputs = model.get_classifier()
    assert named == list(outputs if isinstance(outputs, tuple) else [outputs])


def test_settings_of_timm_reach_the_config() -> None:
    model = timm.create_model("vig_ti", in_chans=1, drop_path_rate=0.1, depth=1)
    assert model.config.in_chans == 1
    assert model.config.drop_path_rate == 0.1


def test_the_transform_is_that_of_the_weights() -> None:
    found = resolve_model_data_config(timm.create_model("vig_ti", depth=1))
    assert found["mean"] == found["std"] == (0.5, 0.5, 0.5)
    assert (found["crop_pct"], found["interpolation"]) == (0.9, "bicubic")


@pytest.mark.parametrize("classes", [1000, 10])
def test_pretrained_loads_a_checkpoint_of_the_authors(tmp_path: Path, classes: int) -> None:
    model = create_model("vig_ti", depth=1)
    renames = family_module("vig").OFFICIAL_NAMES
    state = {to_official(name, renames): value + 1 for name, value in model.state_dict().items()}
    torch.save({"model": state}, tmp_path / "vig.pth")
    loaded = timm.create_model(
        "vig_ti",
        pretrained=True,
        pretrained_cfg_overlay={"file": str(tmp_path / "vig.pth")},
        num_classes=classes,
        depth=1,
    )
    wanted = {name: value + 1 for name, value in model.state_dict().items()}
    for name, value in loaded.state_dict().items():
        if classes == 1000 or not name.startswith("head.fc"):
            assert torch.equal(value, wanted[name]), name
    assert loaded.num_classes == classes


@pytest.mark.parametrize("classes", [1000, 10])
def test_a_checkpoint_that_does_not_fit_is_refused_whatever_timm_adapts(
    tmp_path: Path, classes: int
) -> None:
    torch.save({"model": create_model("pvig_ti").state_dict()}, tmp_path / "pvig.pth")
    with pytest.raises(ModelError, match=r"the state does not fit ViG: .*misshapen .*want \("):
        timm.create_model(
            "vig_ti",
            pretrained=True,
            pretrained_cfg_overlay={"file": str(tmp_path / "pvig.pth")},
            num_classes=classes,
        )


@pytest.mark.parametrize(
    ("name", "settings"), [("greedyvig_s", {"steps": (8, 4, 2, 0)}), ("mobilevig_ti", {"step": 0})]
)
def test_maps_that_are_not_rolled_are_refused(name: str, settings: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="want steps of 1 or more between neighbors, got 0"):
        create_model(name, **settings)


def test_a_form_of_features_alone_is_refused() -> None:
    with pytest.raises(ModelError, match="vig_ti has no form that returns features alone"):
        timm.create_model("vig_ti", features_only=True)


def test_another_image_size_is_refused_where_it_is_fixed() -> None:
    with pytest.raises(ModelError, match=r"want img_size 224 for vig_ti, .* got 256$"):
        timm.create_model("vig_ti", img_size=256)
