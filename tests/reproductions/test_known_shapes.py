"""Remembered shapes: the same forms as torch's own, for every operation of whole models."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from reproductions import known_shapes
from reproductions.known_shapes import KnownShapes, meta_device
from reproductions.models import build_model

MODELS = (
    "vig_ti",
    "pvig_ti",
    "greedyvig_s",
    "mobilevigv2_ti",
    "pvg_s",
    "pvt_small",
    "levit_192",
    "efficientformerv2_s2",
    "swin_tiny_patch4_window7_224",
    "poolformer_s12",
)


def meta(*shape, **more):
    return torch.empty(shape, device="meta", **more)


def form(tensor):
    return tensor.dtype, tensor.shape, tensor.stride(), tensor.device


class Compare(TorchDispatchMode):
    """Runs every operation once more without what is remembered."""

    def __init__(self):
        super().__init__()
        self.compared = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        results = operation(*args, **kwargs)
        with _disable_current_modes():
            again = operation(*args, **kwargs)
        found, wanted = tree_leaves(results), tree_leaves(again)
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            if isinstance(one, Tensor):
                assert form(one) == form(other), operation
                assert [one.untyped_storage() is g.untyped_storage() for g in given] == [
                    other.untyped_storage() is g.untyped_storage() for g in given
                ], operation
                self.compared += 1
        return results


@pytest.mark.parametrize("name", MODELS)
def test_every_operation_of_a_model_comes_out_as_without_it(name):
    with meta_device():
        model = build_model(name, num_classes=10)
    compare = Compare()
    with torch.no_grad(), KnownShapes(), compare:
        model(meta(1, 3, 224, 224))
    assert compare.compared > 100


@pytest.mark.parametrize("name", ["greedyvig_s", "clustervig_ti", "poolformer_s12", "levit_192"])
def test_a_model_is_built_as_without_it(name):
    with torch.device("meta"):
        wanted = build_model(name, num_classes=10).state_dict()
    with meta_device():
        found = build_model(name, num_classes=10).state_dict()
    assert [*found] == [*wanted]
    assert [form(one) for one in found.values()] == [form(one) for one in wanted.values()]


def test_a_repeated_operation_is_answered_in_new_memory_without_running(monkeypatch):
    one, other = meta(3, 4), meta(4)
    with KnownShapes():
        made = []
        make = torch.empty_strided
        monkeypatch.setattr(
            torch, "empty_strided", lambda *a, **k: made.append(make(*a, **k)) or made[-1]
        )
        first = one + other
        assert not made
        second = one + other
    assert form(first) == form(second)
    assert len(made) == 1
    assert first.untyped_storage() is not second.untyped_storage()


def test_numbers_that_are_equal_and_of_different_types_are_kept_apart():
    whole = meta(3, dtype=torch.int64)
    with KnownShapes():
        found = [(whole + number).dtype for number in (1, 1.0, True, 1, 1.0)]
    whole_type, real_type = torch.int64, torch.float32
    assert found == [whole_type, real_type, whole_type, whole_type, real_type]


def test_strides_are_told_apart():
    plain, turned = meta(2, 3, 4, 5), meta(2, 3, 4, 5).to(memory_format=torch.channels_last)
    with KnownShapes():
        for one in (plain, turned, plain, turned):
            assert (one + 1).stride() == one.stride()


def test_a_view_shares_memory_every_time():
    one = meta(3, 4)
    with KnownShapes():
        for _ in range(3):
            assert one.view(12).untyped_storage() is one.untyped_storage()
            assert torch.ops.aten._unsafe_view(one, [12]).untyped_storage() is one.untyped_storage()


def test_what_changes_a_shape_in_place_changes_it_every_time():
    with KnownShapes():
        for _ in range(3):
            assert meta(1, 3).squeeze_().shape == (3,)
            assert meta(2, 3).resize_(5, 5).shape == (5, 5)
            assert meta(2, 3).t_().shape == (3, 2)


def test_what_changes_values_in_place_returns_the_tensor_it_was_given():
    with KnownShapes():
        for _ in range(3):
            one = meta(3)
            assert one.add_(1) is one
            assert one.uniform_() is one


def test_tensors_with_values_are_never_answered_for():
    with KnownShapes():
        assert [(torch.ones(1) + number).item() for number in (1, 2, 1)] == [2, 3, 2]
        one = torch.zeros(2)
        assert one.add_(1).add_(1).tolist() == [2, 2]
        assert [torch.tensor(given).nonzero().shape[0] for given in ([0, 1], [1, 1])] == [1, 2]


def test_what_is_known_is_asked_by_the_next_run_and_told_apart_by_the_default_type():
    known = {}
    for default in (torch.float32, torch.float64, torch.float32):
        torch.set_default_dtype(default)
        try:
            with KnownShapes(known):
                assert (meta(3, dtype=torch.int64) * 0.5).dtype == default
        finally:
            torch.set_default_dtype(torch.float32)
    size = len(known)
    with KnownShapes(known):
        assert (meta(3, dtype=torch.int64) * 0.5).dtype == torch.float32
    assert len(known) == size


def test_beyond_a_number_of_answers_all_are_asked_for_anew(monkeypatch):
    monkeypatch.setattr(known_shapes, "_KNOWN", {})
    with meta_device():
        nn.Linear(2, 3)
    assert known_shapes._KNOWN
    monkeypatch.setattr(known_shapes, "_MOST_KNOWN", 0)
    with meta_device():
        pass
    assert not known_shapes._KNOWN
