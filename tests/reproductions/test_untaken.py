"""Images that a model does not take are bad input; a device that fails is not."""

import pytest
import torch

from reproductions import untaken as module
from reproductions.errors import ReproductionError
from reproductions.model_params import StepParams
from reproductions.models import build_model
from reproductions.untaken import refused_if_untaken
from vig_models import ModelError


def params_of(model="levit_192", side=50):
    return StepParams(model=model, batch=1, image_size=side, device="cpu")


def raised(error, params):
    with refused_if_untaken("toy", params):
        raise error


@pytest.mark.parametrize(
    ("model", "side", "why"),
    [
        ("levit_192", 50, "dimension"),
        ("vit_tiny_patch16_224", 1, "Calculated padded input size per channel"),
        ("mobilevig_ti", 1, "forward: want images of shape"),
    ],
)
def test_a_size_that_a_real_model_does_not_take_is_bad_input(model, side, why):
    with (
        pytest.raises(
            ReproductionError, match=rf"^toy: '{model}' does not run on {side} x {side} .*{why}"
        ) as refused,
        refused_if_untaken("toy", params_of(model, side)),
        torch.no_grad(),
    ):
        build_model(model, num_classes=10, image_size=side)(torch.zeros(1, 3, side, side))
    assert refused.type is ReproductionError


def test_no_single_image_where_a_batchnorm_wants_two():
    error = ValueError("Expected more than 1 value per channel when training, got input size [...]")
    with pytest.raises(ReproductionError, match="'levit_192' wants two images or more at once, go"):
        raised(error, params_of())


@pytest.mark.parametrize("model", ["resnet18", "vig_ti"])
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("The size of tensor a (64) must match the size of tensor b (49)"),
        ValueError("zip() argument 2 is shorter than argument 1"),
        AssertionError(),
    ],
    ids=["device", "shape", "value", "assertion"],
)
def test_what_fails_although_the_model_takes_the_images_stays_what_it_is(error, model):
    with pytest.raises(type(error)) as kept:
        raised(error, params_of(model, 224))
    assert kept.value is error


def test_memory_that_runs_out_stays_what_it_is_whatever_the_size():
    with pytest.raises(torch.OutOfMemoryError):
        raised(torch.OutOfMemoryError("CUDA out of memory"), params_of())


def test_a_failure_without_words_is_named(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(module, "build_model", refuse)
    with pytest.raises(ReproductionError, match=r"50 x 50 images \(AssertionError\); ask for"):
        raised(AssertionError(), params_of())


def test_a_model_that_wants_values_says_nothing_of_its_size_on_meta_tensors(monkeypatch):
    def wants_values(*_, **__):
        raise RuntimeError("Tensor.item() cannot be called on meta tensors")

    monkeypatch.setattr(module, "build_model", wants_values)
    with pytest.raises(RuntimeError, match="device lost"):
        raised(RuntimeError("device lost"), params_of())


def test_the_random_numbers_go_on_as_if_nothing_had_been_asked():
    state = torch.get_rng_state()
    with pytest.raises(ReproductionError):
        raised(RuntimeError("sizes differ"), params_of())
    assert torch.get_rng_state().equal(state)


def test_the_first_line_of_what_a_model_says_is_enough():
    with pytest.raises(ReproductionError, match=r"\(want 224\); ask for a size that it takes$"):
        raised(ModelError("want 224\nand more"), params_of("vig_ti"))
