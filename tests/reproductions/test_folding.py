"""Folding: which BatchNorms fold, and that folding them for real gives the same outputs."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from reproductions.folding import fold_batchnorms
from reproductions.models import build_model


def _count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def _randomize_norms(model):
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            for tensor in (norm.weight, norm.bias, norm.running_mean):
                nn.init.normal_(tensor, 0.5, 0.2)
            nn.init.uniform_(norm.running_var, 0.5, 1.5)


def _folded_for_real(model, folded):
    model = copy.deepcopy(model)
    for norm_name, layer_name in folded.items():
        layer, norm = model.get_submodule(layer_name), model.get_submodule(norm_name)
        fuse = fuse_linear_bn_eval if isinstance(layer, nn.Linear) else fuse_conv_bn_eval
        _replace(model, layer_name, fuse(layer, norm))
        _replace(model, norm_name, getattr(norm, "act", nn.Identity()))
    return model


def _replace(model, name, part):
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, part)


@pytest.mark.parametrize("name", ["resnet18", "levit_128s", "efficientformerv2_s0", "vig_ti"])
@torch.no_grad()
def test_folding_for_real_keeps_the_outputs_and_gives_the_count(name):
    torch.manual_seed(0)
    model = build_model(name, num_classes=7).double()
    _randomize_norms(model)
    images = torch.rand(1, 3, 224, 224, dtype=torch.float64)
    expected, num_parameters = model(images), _count(model)
    folding = fold_batchnorms(model, images)
    folded = _folded_for_real(model, folding.folded)
    assert len(folding.folded) > 15
    torch.testing.assert_close(folded(images), expected, rtol=1e-9, atol=1e-9)
    assert _count(folded) == num_parameters - folding.parameters_removed + folding.biases_added
    assert fold_batchnorms(model.to("meta"), images.to("meta")) == folding


class Parts(nn.Module):
    """Convolution ``conv``, BatchNorms ``norm`` and ``other``, joined by a function."""

    def __init__(self, join, conv=None, norm=None):
        super().__init__()
        self.conv = conv or nn.Conv2d(3, 4, 1, bias=False)
        self.norm = norm or nn.BatchNorm2d(4)
        self.other = nn.BatchNorm2d(4)
        self.join = join

    def forward(self, images):
        return self.join(self, images)


def _straight(parts, images):
    return parts.norm(parts.conv(images))


def _twice(parts, images):
    return _straight(parts, images) + _straight(parts, images * 2)


def _read_elsewhere(parts, images):
    made = parts.conv(images)
    return parts.norm(made) + made


def _returned_as_well(parts, images):
    made = parts.conv(images)
    return parts.norm(made), made


def _changed_in_place(parts, images):
    return parts.norm(parts.conv(images).relu_())


def _changed_afterwards(parts, images):
    made = parts.conv(images)
    normalized = parts.norm(made)
    made.zero_()
    return normalized


def _two_norms(parts, images):
    made = parts.conv(images)
    return parts.norm(made) + parts.other(made)


def _norm_of_a_sum(parts, images):
    return parts.norm(parts.conv(images) + images[:, :1])


def _norm_of_the_norm(parts, images):
    return parts.other(parts.norm(parts.conv(images)))


def _one_call_without_norm(parts, images):
    return _straight(parts, images) + parts.conv(images)


def _another_norm_in_the_second_call(parts, images):
    return _straight(parts, images) + parts.other(parts.conv(images))


def _norm_of_something_else_too(parts, images):
    return parts.norm(_straight(parts, images))


def _transposed_view(parts, images):
    made = parts.conv(images)  # (B, 4, H, W)
    return parts.norm(made.transpose(2, 3))


def _rows_for_channels(parts, images):
    made = parts.conv(images)  # (B, 4, H, W), here H = 4
    return parts.norm(made.transpose(1, 2))


def _half_of_the_output(parts, images):
    return parts.norm(parts.conv(images)[:, :, :2])


def _unfolded_copy(parts, images):
    return parts.norm(parts.conv(images).clone())


@pytest.mark.parametrize(
    ("join", "folded"),
    [
        (_straight, {"norm": "conv"}),
        (_twice, {"norm": "conv"}),
        (_transposed_view, {"norm": "conv"}),
        (_norm_of_the_norm, {"norm": "conv"}),
        (_read_elsewhere, {}),
        (_returned_as_well, {}),
        (_changed_in_place, {}),
        (_changed_afterwards, {}),
        (_two_norms, {}),
        (_norm_of_a_sum, {}),
        (_one_call_without_norm, {}),
        (_another_norm_in_the_second_call, {}),
        (_norm_of_something_else_too, {}),
        (_rows_for_channels, {}),
        (_half_of_the_output, {}),
        (_unfolded_copy, {}),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_batchnorm_folds_only_where_that_is_exact(join, folded, device):
    parts = Parts(join).to(device).eval()
    folding = fold_batchnorms(parts, torch.empty(2, 3, 4, 4, device=device))
    assert folding.folded == folded
    assert folding.left == tuple(name for name in ("norm", "other") if name not in folded)
    assert folding.parameters_removed == 8 * len(folded)
    assert folding.biases_added == 4 * len(folded)


def _fold(conv=None, norm=None, images=None):
    parts = Parts(_straight, conv, norm).eval()
    return fold_batchnorms(parts, torch.rand(2, 3, 4, 4) if images is None else images)


def test_a_layer_with_a_bias_gets_no_second_one():
    folding = _fold(conv=nn.Conv2d(3, 4, 1))
    assert (folding.parameters_removed, folding.biases_added) == (8, 0)


def test_a_batchnorm_without_parameters_folds_and_leaves_a_bias():
    folding = _fold(norm=nn.BatchNorm2d(4, affine=False))
    assert (folding.parameters_removed, folding.biases_added) == (0, 4)


def test_a_batchnorm_of_the_batch_s_own_statistics_stays():
    assert _fold(norm=nn.BatchNorm2d(4, track_running_stats=False)).folded == {}


def test_a_transposed_convolution_takes_a_batchnorm_in():
    assert _fold(conv=nn.ConvTranspose2d(3, 4, 2, bias=False)).folded == {"norm": "conv"}


@pytest.mark.parametrize(
    ("flatten", "folded"), [(True, {"norm": "conv"}), (False, {})], ids=["flat", "tokens"]
)
def test_a_linear_layer_takes_a_batchnorm_over_its_features_in(flatten, folded):
    def join(parts, tokens):
        made = parts.conv(tokens)  # (B, N, 4), here N = 4
        return parts.norm(made.flatten(0, 1) if flatten else made)

    parts = Parts(join, nn.Linear(3, 4), nn.BatchNorm1d(4)).eval()
    assert fold_batchnorms(parts, torch.rand(2, 4, 3)).folded == folded


def test_a_layer_whose_weight_is_shared_takes_nothing_in():
    parts = Parts(_straight).eval()
    parts.twin = nn.Conv2d(3, 4, 1, bias=False)
    parts.twin.weight = parts.conv.weight
    assert fold_batchnorms(parts, torch.rand(2, 3, 4, 4)).folded == {}


def test_a_trace_leaves_the_model_as_it_was():
    parts = Parts(_straight).eval()
    fold_batchnorms(parts, torch.rand(2, 3, 4, 4))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in parts.modules())
