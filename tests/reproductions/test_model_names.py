"""Which models exist, without torch."""

import pytest

from reproductions import model_names


@pytest.mark.parametrize(
    ("name", "supplier", "family", "module"),
    [
        ("vig_ti", "vig_models", "vig", "vig_models.vig"),
        ("pvig_b", "vig_models", "pyramid_vig", "vig_models.pyramid_vig"),
        ("resnet50", "timm", "resnet", None),
        ("efficientformerv2_s2", "timm", "efficientformer_v2", None),
        ("poolformer_s12", "timm", "metaformer", None),
        ("no_such_model", None, None, None),
    ],
)
def test_a_name_has_a_supplier_a_family_and_a_module(name, supplier, family, module):
    assert model_names.supplier_of(name) == supplier
    assert model_names.family_of(name) == family
    assert model_names.module_of(name) == module


def test_a_misspelled_name_gets_the_nearest_one():
    assert model_names.suggestion_for("vig_tiny") == "; did you mean 'vig_ti'?"


def test_a_name_like_no_other_gets_no_suggestion():
    assert model_names.suggestion_for("quux" * 5) == ""
