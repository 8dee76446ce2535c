"""Merging: which parallel branches merge, and that timm's own merging gives the same."""

import pytest
import timm
import torch
from timm.models.fastvit import MobileOneBlock
from timm.utils.model import reparameterize_model
from torch import nn

from reproductions.merging import find_merges
from reproductions.models import build_model


def _count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def _randomize_norms(model):
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            for tensor in (norm.weight, norm.bias, norm.running_mean):
                nn.init.normal_(tensor, 0.5, 0.2)
            nn.init.uniform_(norm.running_var, 0.5, 1.5)


@torch.no_grad()
def test_merging_for_real_keeps_the_outputs_and_gives_the_count():
    torch.manual_seed(0)
    model = timm.create_model("fastvit_t8", num_classes=7).double().eval()
    _randomize_norms(model)
    merged = reparameterize_model(model)
    images = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    expected = model(images)
    torch.testing.assert_close(merged(images), expected, rtol=1e-9, atol=1e-9)
    assert _count(merged) < _count(model)
    removed = sum(merge.parameters_removed for merge in find_merges(model.to("meta")))
    assert removed == _count(model) - _count(merged)


@pytest.mark.parametrize(
    "name", ["efficientvit_m0", "levit_128s", "nextvit_small", "tiny_vit_5m_224"]
)
def test_folding_under_the_name_of_merging_is_no_merge(name):
    with torch.device("meta"):
        model = build_model(name, num_classes=7)
    assert list(find_merges(model)) == []


def test_branches_merged_by_fuse_count():
    with torch.device("meta"):
        model = build_model("repvit_m1", num_classes=7)
    merges = list(find_merges(model))
    assert len(merges) == 23
    assert {merge.branches for merge in merges} == {2}


def test_one_convolution_with_its_batchnorm_is_no_merge():
    with torch.device("meta"):
        block = MobileOneBlock(4, 8, 1, inference_mode=False)
    assert list(find_merges(nn.Sequential(block))) == []
