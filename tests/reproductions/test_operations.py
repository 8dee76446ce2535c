"""Formulas of single operations against layers counted by hand, or by slow loops."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from reproductions.counting import count
from reproductions.errors import NotMeasurableError


class Calls(nn.Module):
    """A model that is one function of the images and of its layer's parameters."""

    def __init__(self, function, layer=None):
        super().__init__()
        self.function, self.layer = function, layer

    def forward(self, x):
        return self.function(x) if self.layer is None else self.function(x, self.layer)


def macs(function, shape, layer=None):
    """Count on meta and on the CPU; they must agree."""
    tallies = [
        count(Calls(function, layer).to(device).eval(), torch.rand(shape, device=device))
        for device in ("cpu", "meta")
    ]
    assert tallies[0].macs == tallies[1].macs
    assert tallies[0].elements == tallies[1].elements
    return dict(tallies[0].macs)


def through(layer, shape):
    return macs(lambda x, layer: layer(x), shape, layer)


CONVOLUTIONS = {
    # outputs x inputs per group x kernel
    "plain": (nn.Conv2d(3, 8, 3, padding=1), (1, 3, 5, 7), (8 * 5 * 7) * 3 * 9),
    "unpadded": (nn.Conv2d(3, 8, 3), (1, 3, 5, 7), (8 * 3 * 5) * 3 * 9),
    "no_bias": (nn.Conv2d(3, 8, 3, bias=False), (1, 3, 5, 7), (8 * 3 * 5) * 3 * 9),
    "pointwise": (nn.Conv2d(6, 4, 1), (1, 6, 5, 7), (4 * 5 * 7) * 6),
    "grouped": (nn.Conv2d(6, 4, 3, groups=2, padding=1), (1, 6, 5, 7), (4 * 5 * 7) * 3 * 9),
    "depthwise": (nn.Conv2d(6, 6, 3, groups=6, padding=1), (1, 6, 5, 7), (6 * 5 * 7) * 1 * 9),
    "multiplied": (nn.Conv2d(6, 12, 3, groups=6, padding=1), (1, 6, 5, 7), (12 * 5 * 7) * 1 * 9),
    "strided": (nn.Conv2d(3, 8, 3, stride=2, padding=1), (1, 3, 8, 8), (8 * 4 * 4) * 3 * 9),
    "dilated": (nn.Conv2d(3, 8, 3, dilation=2), (1, 3, 9, 9), (8 * 5 * 5) * 3 * 9),
    "oblong": (nn.Conv2d(3, 8, (1, 5), padding=(0, 2)), (1, 3, 5, 7), (8 * 5 * 7) * 3 * 5),
    "same": (nn.Conv2d(3, 8, 5, padding="same"), (1, 3, 5, 7), (8 * 5 * 7) * 3 * 25),
    "batch": (nn.Conv2d(3, 8, 1), (4, 3, 5, 7), 4 * (8 * 5 * 7) * 3),
    "one_axis": (nn.Conv1d(3, 8, 3), (1, 3, 7), (8 * 5) * 3 * 3),
    "three_axes": (nn.Conv3d(3, 8, 2), (1, 3, 3, 3, 3), (8 * 8) * 3 * 8),
    # transposed: inputs x outputs per group x kernel
    "transposed": (nn.ConvTranspose2d(3, 8, 2, stride=2), (1, 3, 5, 7), (3 * 5 * 7) * 8 * 4),
    "transposed_grouped": (
        nn.ConvTranspose2d(6, 4, 3, groups=2),
        (1, 6, 5, 7),
        (6 * 5 * 7) * 2 * 9,
    ),
}


@pytest.mark.parametrize(("layer", "shape", "wanted"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_convolution_meets_each_tap_at_each_position(layer, shape, wanted):
    assert through(layer, shape) == {"convolution": wanted}


def _reference_convolution(layer, rows, columns):
    """Step the kernel over the padded image and count every product, one at a time."""
    (padding, _), (stride, _), (dilation, _) = layer.padding, layer.stride, layer.dilation
    kernel = layer.kernel_size[0]
    products = 0
    reach = dilation * (kernel - 1)
    for top in range(0, rows + 2 * padding - reach, stride):
        for left in range(0, columns + 2 * padding - reach, stride):
            assert top + reach < rows + 2 * padding
            assert left + reach < columns + 2 * padding
            for _ in itertools.product(range(kernel), range(kernel)):
                for _ in range(layer.out_channels):
                    products += layer.in_channels // layer.groups
    return products


@settings(max_examples=25, deadline=None)
@given(
    groups=st.sampled_from([1, 2, 4]),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    rows=st.integers(5, 9),
)
def test_a_convolution_counts_what_a_loop_counts(groups, kernel, stride, padding, dilation, rows):
    layer = nn.Conv2d(4, 8, kernel, stride, padding, dilation, groups)
    assert through(layer, (1, 4, rows, 7)) == {
        "convolution": _reference_convolution(layer, rows, 7)
    }


@pytest.mark.parametrize(
    ("shape", "rows"),
    [((8,), 1), ((5, 8), 5), ((2, 5, 8), 10), ((2, 5, 3, 8), 30)],
    ids=["1d", "2d", "3d", "4d"],
)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
def test_a_linear_layer_multiplies_each_row(shape, rows, bias):
    assert through(nn.Linear(8, 3, bias=bias), shape) == {"linear": rows * 8 * 3}


LINEAR = {
    "matmul": lambda x, layer: x @ layer.weight.T,
    "weight_first": lambda x, layer: layer.weight @ x.flatten(0, 1).T,
    "expanded": lambda x, layer: torch.bmm(x, layer.weight.T.expand(2, 8, 3)),
    "copied": lambda x, layer: x @ layer.weight.T.contiguous(),
    "standardized": lambda x, layer: functional.linear(x, layer.weight - layer.weight.mean()),
    "einsum": lambda x, layer: torch.einsum("bnc,dc->bnd", x, layer.weight),
    "concatenated": lambda x, layer: x @ torch.cat([layer.weight[:1], layer.weight[1:]]).T,
    "changed_later": lambda x, layer: x @ torch.zeros(8, 3, device=x.device).add_(layer.weight.T),
    "made_like": lambda x, layer: x @ x.new_zeros(8, 3).add_(layer.weight.T),
    "baddbmm": lambda x, layer: torch.baddbmm(
        x.new_zeros(1), x, layer.weight.T.expand(2, 8, 3), beta=0
    ),
    "addmm": lambda x, layer: torch.addmm(layer.bias, x.flatten(0, 1), layer.weight.T),
    "tensordot": lambda x, layer: torch.tensordot(x, layer.weight, dims=([2], [1])),
}


@pytest.mark.parametrize("function", LINEAR.values(), ids=LINEAR)
def test_a_product_with_a_weight_in_any_dress_is_linear(function):
    assert macs(function, (2, 5, 8), nn.Linear(8, 3)) == {"linear": 2 * 5 * 8 * 3}


def changed_by_images(x):
    memory = torch.zeros(2, 8, 3, device=x.device)
    memory[:, :, 0] = x[:, 0]
    return x @ memory


PRODUCTS = {
    "matmul": (lambda x: x @ x.mT, 2 * 5 * 5 * 8),
    "bmm": (lambda x: torch.bmm(x, x.transpose(1, 2)), 2 * 5 * 5 * 8),
    "baddbmm": (lambda x: torch.baddbmm(x[:, :, :5], x, x.mT), 2 * 5 * 5 * 8),
    "addbmm": (lambda x: torch.addbmm(x[0, :, :5], x, x.mT), 2 * 5 * 5 * 8),
    "four_axes": (lambda x: x.view(2, 5, 2, 4) @ x.view(2, 5, 4, 2), 2 * 5 * 2 * 2 * 4),
    "broadcast": (lambda x: x @ x[0].mT, 2 * 5 * 5 * 8),
    "mv": (lambda x: x[0] @ x[0, 0], 5 * 8),
    "dot": (lambda x: x[0, 0] @ x[0, 1], 8),
    "einsum": (lambda x: torch.einsum("bnc,bmc->bnm", x, x), 2 * 5 * 5 * 8),
    "einsum_all": (lambda x: torch.einsum("bnc,bmc->nm", x, x), 2 * 5 * 5 * 8),
    "changed": (changed_by_images, 2 * 5 * 8 * 3),
}


@pytest.mark.parametrize(("function", "wanted"), PRODUCTS.values(), ids=PRODUCTS)
def test_a_product_of_two_activations_is_one(function, wanted):
    assert macs(function, (2, 5, 8)) == {"product": wanted}


def test_adding_a_parameter_to_an_activation_leaves_the_parameter_a_weight():
    def function(x, layer):
        x.add_(layer.weight[:, :1])
        return x @ layer.weight.T

    assert macs(function, (3, 8), nn.Linear(8, 3)) == {"linear": 3 * 8 * 3}


ATTENTION = 2 * (2 * 5 * 5 * 4)  # heads x queries x keys x channels, twice


def test_attention_is_two_products():
    function = functional.scaled_dot_product_attention
    assert macs(lambda x: function(x, x, x), (1, 2, 5, 4)) == {"product": ATTENTION}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_is_four_linear_layers_and_two_products(batch_first, need_weights):
    layer = nn.MultiheadAttention(8, 2, batch_first=batch_first)
    shape = (1, 5, 8) if batch_first else (5, 1, 8)
    assert macs(lambda x, m: m(x, x, x, need_weights=need_weights), shape, layer) == {
        "linear": 4 * 5 * 8 * 8,
        "product": ATTENTION,
    }


def test_an_encoder_layer_does_not_hide_in_one_operation():
    layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    assert through(layer, (1, 5, 8)) == {
        "linear": 4 * 5 * 8 * 8 + 2 * 5 * 8 * 16,
        "product": ATTENTION,
    }
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("points", [5, 40], ids=["few", "many"])
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_distances_of_all_pairs_count_each_channel(points, p):
    wanted = {"distances": 2 * points * points * 8}
    assert macs(lambda x: torch.cdist(x, x, p=p), (2, points, 8)) == wanted


ELEMENTWISE = {
    "product": lambda x: x * x,
    "squared_norms": lambda x: (x * x).sum(-1),
    "l1_norm": lambda x: torch.norm(x, p=1, dim=-1),
    "normalized": functional.normalize,
    "paired": lambda x: functional.pairwise_distance(x, x),
    "interpolated": lambda x: functional.interpolate(x[:, None], scale_factor=2, mode="bilinear"),
    "activated": lambda x: functional.gelu(x).softmax(-1),
    "largest": lambda x: x.topk(3, dim=-1).values.max(dim=1).values,
}


@pytest.mark.parametrize("function", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_elementwise_arithmetic_does_not_count(function):
    assert macs(function, (2, 5, 8)) == {}


def elements(layer, shape):
    found = count(Calls(lambda x, layer: layer(x), layer).eval(), torch.rand(shape))
    assert not found.macs
    return dict(found.elements)


LAYERS = {
    "batch_norm": (nn.BatchNorm2d(6), {"batch_norm": 120}),
    "batch_norm_bare": (nn.BatchNorm2d(6, affine=False), {"batch_norm": 120}),
    "instance_norm": (nn.InstanceNorm2d(6), {"batch_norm": 120}),
    "layer_norm": (nn.LayerNorm(5), {"other_norm": 120}),
    "group_norm": (nn.GroupNorm(2, 6), {"other_norm": 120}),
    "max_pool": (nn.MaxPool2d(2), {"pooling": 120}),
    "avg_pool": (nn.AvgPool2d(3, 1, 1), {"pooling": 120}),
    "global_pool": (nn.AdaptiveAvgPool2d(1), {"pooling": 120}),
    "grid_pool": (nn.AdaptiveAvgPool2d(2), {"pooling": 120}),
    "global_max_pool": (nn.AdaptiveMaxPool2d(1), {"pooling": 120}),
    "activation": (nn.GELU(), {}),
}


@pytest.mark.parametrize(("layer", "wanted"), LAYERS.values(), ids=LAYERS)
def test_normalization_and_pooling_are_sized_by_their_input(layer, wanted):
    assert elements(layer, (1, 6, 4, 5)) == wanted


MEANS = {
    "map": (lambda x: x.mean((2, 3)), 120),
    "channels_last": (lambda x: x.mean((1, 2)), 120),
    "tokens": (lambda x: x.flatten(2).mean(-1), 120),
    "over_channels": (lambda x: x.mean(1), 0),
    "over_images": (lambda x: x.mean((0, 2)), 0),
    "everything": (lambda x: x.mean(), 0),
}


@pytest.mark.parametrize(("function", "wanted"), MEANS.values(), ids=MEANS)
def test_only_a_mean_over_all_positions_is_pooling(function, wanted):
    found = count(Calls(function), torch.rand(1, 6, 4, 5))
    assert found.elements["pooling"] == wanted


REFUSED = {
    "fourier": torch.fft.fft,
    "bilinear": lambda x: functional.bilinear(x, x, torch.ones(3, 8, 8)),
    "solved": lambda x: torch.linalg.solve(x @ x.mT, x),
    "recurrent": nn.LSTM(8, 3),
    "pdist": lambda x: torch.pdist(x[0]),
}


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_what_multiplies_without_a_formula_is_refused(function):
    with pytest.raises(NotMeasurableError, match=r"operation aten::\w+: want a formula"):
        count(Calls(function), torch.rand(2, 5, 8))


def test_an_operation_of_another_library_is_refused():
    with torch.library._scoped_library("toyvig", "FRAGMENT") as library:
        library.define("knn(Tensor x) -> Tensor")
        library.impl("knn", lambda x: x @ x.mT, "CPU")
        with pytest.raises(NotMeasurableError, match="operation toyvig::knn: want a formula"):
            count(Calls(torch.ops.toyvig.knn), torch.rand(2, 5, 8))


def test_inference_mode_hides_nothing():
    def function(x, layer):
        with torch.inference_mode():
            x = layer(x)
            heads = x.view(1, 5, 2, 4).transpose(1, 2)
            return functional.scaled_dot_product_attention(heads, heads, heads)

    wanted = {"linear": 5 * 8 * 8, "product": ATTENTION}
    assert macs(function, (1, 5, 8), nn.Linear(8, 8)) == wanted
