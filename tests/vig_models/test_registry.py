"""Names: which there are, how they are found, and what a wrong one is answered."""

import subprocess
import sys

import pytest
import torch

import vig_models
from vig_models import ModelError, create_model, family_of, list_models
from vig_models.registry import FAMILIES, MILLIONS, family_module


def test_importing_the_package_and_its_names_does_not_import_torch() -> None:
    program = (
        "import sys, vig_models; assert vig_models.list_models(); "
        "assert 'torch' not in sys.modules; vig_models.load_authors_state_dict; "
        "assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_building_a_model_imports_its_family_only() -> None:
    program = (
        "import sys, vig_models; vig_models.create_model('vig_ti', depth=1); "
        "assert 'vig_models.vig' in sys.modules; "
        "assert 'vig_models.pyramid_vig' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_registers_exactly_the_variants_it_defines(family: str) -> None:
    assert FAMILIES[family] == tuple(family_module(family).VARIANTS)


def test_every_exported_name_exists() -> None:
    for name in vig_models.__all__:
        assert hasattr(vig_models, name), name


def test_an_unknown_attribute_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'vig_models' has no attribute 'create_modle'"):
        _ = vig_models.create_modle


def test_listing_sorts_and_filters() -> None:
    assert list_models() == sorted(name for names in FAMILIES.values() for name in names)
    assert list_models("p*vig_ti") == ["pvig_ti"]
    assert list_models("vig_*") == ["vig_b", "vig_s", "vig_ti"]
    assert list_models("resnet*") == []


def test_the_family_of_a_name_is_found_or_none() -> None:
    assert family_of("pvig_m") == "pyramid_vig"
    assert family_of("vig") is None


WRONG = {
    "near name": (
        ("vig_tiny", {}),
        r"^create_model: no model 'vig_tiny'; did you mean 'vig_ti'\? "
        r"list_models\(\) has all names$",
    ),
    "far name": (("x", {}), r"^create_model: no model 'x'; list_models\(\) has all names$"),
    "near setting": (
        ("vig_ti", {"dept": 2}),
        r"^create_model: vig_ti has no setting 'dept'; did you mean 'depth'\? "
        r"it has depth, channels, neighbors, graph_conv, num_classes, in_chans, drop_path_rate, "
        r"implementation$",
    ),
    "classes": (
        ("vig_ti", {"num_classes": -1}),
        r"want an integer of at least 0 for num_classes, got -1$",
    ),
    "implementation": (
        ("vig_ti", {"implementation": "quick"}),
        r"want an implementation out of fast, published, got 'quick'$",
    ),
    "text": (
        ("vig_ti", {"num_classes": "9"}),
        r"want an integer of at least 0 for num_classes, got '9'$",
    ),
    "channels": (
        ("vig_ti", {"in_chans": -3}),
        r"want an integer of at least 1 for in_chans, got -3$",
    ),
    "rate": (("vig_ti", {"drop_path_rate": 1.0}), r"want 0 <= drop_path_rate < 1, got 1.0$"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_call_is_answered_in_one_sentence(
    call: tuple[str, dict[str, object]], message: str
) -> None:
    name, settings = call
    with pytest.raises(ModelError, match=message):
        create_model(name, **settings)


def test_sizes_to_plan_by_are_those_of_the_models():
    with torch.device("meta"):
        found = {name: create_model(name) for names in FAMILIES.values() for name in names}
    counts = {
        name: round(sum(weight.numel() for weight in model.parameters()) / 1e6, 1)
        for name, model in found.items()
    }
    assert counts == MILLIONS
