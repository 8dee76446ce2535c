"""What torch is told inside a precision, and that it has forgotten it afterwards."""

from typing import get_args

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from reproductions.catalog import Precision
from reproductions.precision import flags, precision

CPU = torch.device("cpu")
NAMES = get_args(Precision)


def told():
    """Read every switch a precision touches, old and new."""
    products, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    return {
        "flags": flags(CPU),
        "products": products.fp32_precision,
        "products_on_cpu": torch.backends.mkldnn.matmul.fp32_precision,
        "convolutions": cudnn.conv.fp32_precision,
        "recurrences": cudnn.rnn.fp32_precision,
        "cpu_dtype": torch.get_autocast_dtype("cpu"),
        "cache": torch.is_autocast_cache_enabled(),
    }


@pytest.fixture(params=["as torch starts", "high", "highest", "medium", "without TF32"])
def before(request):
    """Start from a state that something else left behind."""
    start, cudnn = told(), torch.backends.cudnn
    if request.param in {"high", "highest", "medium"}:
        torch.set_float32_matmul_precision(request.param)
    elif request.param == "without TF32":
        cudnn.allow_tf32 = False
    yield told()
    torch.set_float32_matmul_precision("highest")
    cudnn.allow_tf32 = True
    torch.backends.cuda.matmul.fp32_precision = start["products"]
    torch.backends.mkldnn.matmul.fp32_precision = start["products_on_cpu"]
    assert told() == start


@pytest.mark.parametrize("name", NAMES)
def test_a_precision_leaves_everything_as_it_was(name, before):
    with precision(name, CPU):
        pass
    assert told() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_precision_leaves_everything_as_it_was_after_an_error(name, before):
    with pytest.raises(ZeroDivisionError, match="division"), precision(name, CPU):
        _ = 1 / 0
    assert told() == before


@pytest.mark.parametrize(
    ("name", "products", "convolutions", "autocast"),
    [
        ("default", False, True, None),
        ("tf32_off", False, False, None),
        ("tf32_on", True, True, None),
        ("autocast_fp16", False, True, "torch.float16"),
        ("autocast_bf16", False, True, "torch.bfloat16"),
    ],
)
def test_a_precision_holds_whatever_was_before(name, products, convolutions, autocast, before):
    with precision(name, CPU):
        inside = flags(CPU)
    assert inside["matmul_allow_tf32"] is products
    assert inside["cudnn_allow_tf32"] is convolutions
    assert inside["autocast"] == autocast
    assert inside["float32_matmul_precision"] == ("high" if products else "highest")


def test_the_default_is_what_torch_starts_with():
    with precision("default", CPU):
        inside = flags(CPU)
    assert inside == flags(CPU)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("default", torch.float32),
        ("tf32_off", torch.float32),
        ("tf32_on", torch.float32),
        ("autocast_fp16", torch.float16),
        ("autocast_bf16", torch.bfloat16),
    ],
)
def test_layers_compute_in_the_precision(name, dtype):
    with precision(name, CPU), torch.inference_mode():
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype is dtype


class Conversions(TorchDispatchMode):
    """Counts conversions of one type into another."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func in {torch.ops.aten.to.dtype, torch.ops.aten._to_copy.default}
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_every_pass_under_autocast_converts_its_weights_as_the_first_does(mode):
    model, images = nn.Linear(2, 2), torch.ones(1, 2)
    counts = []
    with precision("autocast_bf16", CPU), mode():
        for _ in range(3):
            with Conversions() as conversions:
                model(images)
            counts.append(conversions.count)
    assert counts == [3, 3, 3]  # images, weights and biases
