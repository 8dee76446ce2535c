"""Bytes of weights in other formats: bits a weight, what stays, and what packing would hold."""

from typing import get_args

import pytest
import torch

from reproductions import weight_formats as module
from reproductions.catalog import WeightFormatsParams
from reproductions.catalog_networks import WeightFormat
from reproductions.language_models import CONFIGS, build_language_model

BITS = {
    "q8_0": 8.5,
    "q6_k": 6.5625,
    "q5_k": 5.5,
    "q4_k": 4.5,
    "q4_0": 4.5,
    "q3_k": 3.4375,
    "q2_k": 2.625,
    "iq2_xxs": 2.0625,
    "iq1_m": 1.75,
    "iq1_s": 1.5625,
}
"""As the formats' authors print them."""


def measure(name, model="llama_3_2_1b"):
    return module.weight_formats(WeightFormatsParams(model=model, format=name), "cpu")


def test_every_format_is_known():
    assert (
        set(get_args(WeightFormat))
        == {"float16", "gptq_4bit", *BITS}
        == {
            "float16",
            "gptq_4bit",
            *module.BLOCKS,
        }
    )


@pytest.mark.parametrize("name", BITS)
def test_a_format_of_blocks_has_its_bits_a_weight(name):
    found = measure(name)
    assert found.facts["bits_per_weight"] == pytest.approx(BITS[name], abs=0.01, rel=0)
    saved = 100 * (1 - found.facts["bits_per_weight"] / 16)
    assert found.values["saved"].value == pytest.approx(saved, abs=1e-9, rel=0)


def test_float16_saves_nothing():
    assert measure("float16").values["saved"].value == 0


def _reference_gptq(model):
    """Pack every linear layer as the format does, on meta tensors, and add up the bytes."""
    tensors = []
    for linear in model.inner_linears():
        groups = linear.in_features // 128
        tensors += [
            torch.empty(linear.in_features // 8, linear.out_features, dtype=torch.int32),
            torch.empty(groups, linear.out_features // 8, dtype=torch.int32),
            torch.empty(groups, linear.out_features, dtype=torch.float16),
            torch.empty(linear.in_features, dtype=torch.int32),
        ]
    inner = {id(linear.weight) for linear in model.inner_linears()}
    rest = sum(2 * weight.numel() for weight in model.parameters() if id(weight) not in inner)
    return rest + sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.mark.parametrize("model", CONFIGS)
def test_gptq_takes_what_its_packed_tensors_take(model):
    with torch.device("meta"):
        wanted = _reference_gptq(build_language_model(model))
    assert measure("gptq_4bit", model).evidence["bytes"] == wanted


def test_wider_blocks_save_less(monkeypatch):
    narrow = measure("iq1_s").values["saved"].value
    monkeypatch.setitem(module.BLOCKS, "iq1_s", (51, 256))
    assert measure("iq1_s").values["saved"].value < narrow


def test_layers_left_in_float16_save_less(monkeypatch):
    whole = measure("gptq_4bit").values["saved"].value
    monkeypatch.setattr(
        "reproductions.language_models.LanguageModel.inner_linears",
        lambda self: [p for p in self.layers[:8].modules() if isinstance(p, torch.nn.Linear)],
    )
    assert measure("gptq_4bit").values["saved"].value == pytest.approx(whole / 2, abs=0, rel=0.01)
