"""Counting parameters: known counts, and every convention against the real transformation."""

import pytest
import torch
from torch import nn

from reproductions import parameter_count as module
from reproductions.catalog import PARAMETER_COUNT, ParameterCountParams
from reproductions.contract import NotMeasurableError
from reproductions.folding import fold_batchnorms
from reproductions.models import build_model

CONVENTIONS = [convention.name for convention in PARAMETER_COUNT.conventions]

# in the order of CONVENTIONS: all, trainable, reparameterized, bn_folded, single_head
COUNTS = {
    "convnext_tiny": (28_589_128, 28_589_128, 28_589_128, 28_589_128, 28_589_128),
    "deit_small_distilled_patch16_224": (
        22_436_432,
        22_436_432,
        22_436_432,
        22_436_432,
        22_051_432,
    ),
    "deit_small_patch16_224": (22_050_664, 22_050_664, 22_050_664, 22_050_664, 22_050_664),
    "efficientformer_l1": (12_289_928, 12_289_928, 12_289_928, 12_258_008, 11_840_928),
    "efficientformer_l3": (31_406_000, 31_406_000, 31_406_000, 31_347_568, 30_893_000),
    "efficientformer_l7": (82_229_328, 82_229_328, 82_229_328, 82_139_952, 81_460_328),
    "efficientformerv2_l": (26_322_288, 26_322_288, 26_322_288, 26_126_632, 25_937_288),
    "efficientformerv2_s2": (12_710_112, 12_710_112, 12_710_112, 12_588_896, 12_421_112),
    "fastvit_sa36": (31_527_464, 31_527_464, 31_457_256, 31_502_056, 31_527_464),
    "levit_192": (10_947_069, 10_947_069, 10_947_069, 10_920_149, 10_561_301),
    "levit_384": (39_128_836, 39_128_836, 39_128_836, 39_077_172, 38_358_300),
    "poolformer_s12": (11_915_176, 11_915_176, 11_915_176, 11_915_176, 11_915_176),
    "poolformer_s24": (21_388_968, 21_388_968, 21_388_968, 21_388_968, 21_388_968),
    "poolformer_s36": (30_862_760, 30_862_760, 30_862_760, 30_862_760, 30_862_760),
    "pvig_b": (95_213_258, 92_980_328, 95_213_258, 94_990_410, 95_213_258),
    "pvig_s": (29_023_850, 27_251_912, 29_023_850, 28_944_122, 29_023_850),
    "pvig_ti": (12_486_314, 10_714_376, 12_486_314, 12_437_658, 12_486_314),
    "resnet18": (11_689_512, 11_689_512, 11_689_512, 11_684_712, 11_689_512),
    "resnet50": (25_557_032, 25_557_032, 25_557_032, 25_530_472, 25_557_032),
    "swin_tiny_patch4_window7_224": (28_288_354, 28_288_354, 28_288_354, 28_288_354, 28_288_354),
}


def measure(name, num_classes=1000):
    return module.parameter_count(ParameterCountParams(model=name, num_classes=num_classes), "cpu")


@pytest.mark.parametrize(("name", "counts"), COUNTS.items(), ids=COUNTS.keys())
def test_a_model_has_the_recorded_counts(name, counts):
    measurement = measure(name)
    assert measurement.evidence["counts"] == dict(zip(CONVENTIONS, counts, strict=True))
    for key, count in zip(CONVENTIONS, counts, strict=True):
        quantity = measurement.values[key]
        assert quantity.low == quantity.value == quantity.high == count / 1e6


def test_evidence_and_counts_agree():
    evidence = measure("levit_192").evidence
    counts, folding = evidence["counts"], evidence["folding"]
    assert counts["bn_folded"] == (
        counts["all"] - folding["parameters_removed"] + folding["biases_added"]
    )
    assert folding["first_left"] == ["head.bn", "head_dist.bn"]
    assert evidence["heads_left_out"] == ["head_dist"]
    assert evidence["traced"] == {"device": "meta", "image": [1, 3, 224, 224]}


WITH_TWO_HEADS = {
    "clustervig_ti": 1024,
    "greedyvig_s": 768,
    "mobilevig_s": 512,
    "mobilevigv2_b": 768,
}
"""Variant to the features that its heads read."""


@pytest.mark.parametrize(("name", "features"), WITH_TWO_HEADS.items(), ids=WITH_TWO_HEADS.keys())
def test_a_single_head_leaves_out_the_distilled_one_of_a_vision_gnn(name, features):
    evidence = measure(name).evidence
    assert evidence["heads_left_out"] == ["head.fc_distilled"]
    counts = evidence["counts"]
    assert counts["all"] - counts["single_head"] == features * 1000 + 1000


def test_the_number_of_classes_is_heard():
    many, few = measure("resnet18").evidence["counts"], measure("resnet18", 10).evidence["counts"]
    assert many["all"] - few["all"] == 990 * (512 + 1)


def test_a_model_with_a_block_less_counts_less(monkeypatch):
    whole = measure("resnet18").values

    def without_a_block(name, *, num_classes):
        model = build_model(name, num_classes=num_classes)
        del model.layer4[1]
        return model

    monkeypatch.setattr(module, "build_model", without_a_block)
    broken = measure("resnet18").values
    assert all(broken[key].value < whole[key].value - 4 for key in CONVENTIONS)


def test_frozen_parameters_are_not_trainable(monkeypatch):
    def frozen_head(name, *, num_classes):
        model = build_model(name, num_classes=num_classes)
        model.fc.requires_grad_(requires_grad=False)
        return model

    monkeypatch.setattr(module, "build_model", frozen_head)
    evidence = measure("resnet18").evidence
    assert evidence["frozen"] == 512 * 1000 + 1000
    assert evidence["counts"]["trainable"] == evidence["counts"]["all"] - evidence["frozen"]


class Deciding(nn.Module):
    """Reads a value of its own activations, which meta tensors do not have."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4)

    def forward(self, images):
        made = self.norm(self.conv(images))
        return -made if made.mean().item() < 0 else made


def test_a_model_that_decides_by_its_data_runs_on_the_cpu(monkeypatch):
    monkeypatch.setattr(module, "build_model", lambda *_, **__: Deciding().eval())
    evidence = measure("resnet18").evidence
    assert evidence["traced"]["device"] == "cpu"
    assert evidence["counts"]["bn_folded"] == 3 * 4 + 4


@pytest.mark.parametrize("name", ["clustervig_ti", "pvihgnn_ti", "vihgnn_ti"])
def test_what_folds_depends_on_no_value(name):
    evidence = measure(name).evidence
    assert evidence["traced"]["device"] == "meta"
    model = build_model(name, num_classes=1000)
    folding = fold_batchnorms(model, torch.rand(1, 3, 224, 224))
    assert evidence["folding"]["batchnorms_folded"] == len(folding.folded)
    assert evidence["folding"]["parameters_removed"] == folding.parameters_removed
    assert evidence["folding"]["biases_added"] == folding.biases_added


def test_a_model_that_cannot_run_is_not_measurable(monkeypatch):
    monkeypatch.setattr(module, "build_model", lambda *_, **__: nn.Linear(7, 7).eval())
    with pytest.raises(NotMeasurableError, match="ran neither on meta tensors nor on a black"):
        measure("resnet18")


def test_torch_s_random_state_is_left_alone(monkeypatch):
    monkeypatch.setattr(module, "build_model", lambda *_, **__: Deciding().eval())
    before = torch.get_rng_state()
    measure("resnet18")
    assert torch.equal(torch.get_rng_state(), before)
