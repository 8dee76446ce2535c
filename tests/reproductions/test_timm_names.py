"""The recorded names of timm's models are those of the installed timm."""

import pytest
import timm

from reproductions import generate_timm_names
from reproductions.timm_names import FAMILIES, TIMM_VERSION

NAMES_IN_USE = (
    "convnext_tiny",
    "deit_small_distilled_patch16_224",
    "deit_small_patch16_224",
    "efficientformer_l1",
    "efficientformer_l3",
    "efficientformer_l7",
    "efficientformerv2_l",
    "efficientformerv2_s2",
    "fastvit_sa36",
    "levit_192",
    "levit_384",
    "poolformer_s12",
    "poolformer_s24",
    "poolformer_s36",
    "resnet18",
    "resnet50",
    "swin_tiny_patch4_window7_224",
)


@pytest.mark.skipif(timm.__version__ != TIMM_VERSION, reason="another version of timm is installed")
def test_the_file_equals_a_regeneration(tmp_path):
    target = tmp_path / "timm_names.py"
    generate_timm_names.write(target)
    assert target.read_bytes() == generate_timm_names.TARGET.read_bytes()
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", NAMES_IN_USE)
def test_a_name_in_use_exists_in_the_installed_timm_and_in_the_file(name):
    assert timm.is_model(name)
    assert any(name in names for names in FAMILIES.values())


def test_no_model_is_in_two_families():
    names = [name for members in FAMILIES.values() for name in members]
    assert len(names) == len(set(names))
