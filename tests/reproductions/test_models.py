"""Building a model by name."""

import pytest
import torch

from reproductions.errors import ReproductionError
from reproductions.models import build_model


@pytest.mark.parametrize("name", ["resnet18", "vig_ti"])
def test_a_model_is_built_in_eval_mode_on_the_default_device(name):
    with torch.device("meta"):
        model = build_model(name, num_classes=7)
    assert not any(part.training for part in model.modules())
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert model(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 7)


def test_an_unknown_model_is_named_with_a_suggestion():
    with pytest.raises(ReproductionError, match=r"no model 'vig_tt'; did you mean 'vig_"):
        build_model("vig_tt", num_classes=10)


def _broken_import(message):
    def import_module(name):
        raise RuntimeError(message)

    return import_module


def test_a_torchvision_of_another_torch_is_one_sentence(monkeypatch):
    broken = _broken_import("operator torchvision::nms does not exist")
    monkeypatch.setattr("reproductions.models.import_module", broken)
    with pytest.raises(ReproductionError, match="do not belong together; install the torchvision"):
        build_model("resnet18", num_classes=10)


def test_another_failure_keeps_its_own_words(monkeypatch):
    monkeypatch.setattr("reproductions.models.import_module", _broken_import("out of luck"))
    with pytest.raises(RuntimeError, match="out of luck"):
        build_model("resnet18", num_classes=10)
