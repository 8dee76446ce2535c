"""Models with fetched weights: every entry accounted for, nothing run, anything else refused."""

import argparse
import os
import re

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import vig_models
from reproductions.artifact_cache import Cache, cache_folder
from reproductions.artifacts import CatalogueFile, use_catalogue
from reproductions.checkpoints import Checkpoint, load_weights, read_checkpoint
from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.fetching import fetch
from vig_models.naming import to_official
from vig_models.registry import family_module

NAME = "weights/toy"
MOBILE = "mobilevigv2_ti"


class Silent:
    def began(self, *_):
        pass

    def advanced(self, *_):
        pass

    def note(self, *_):
        pass


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    yield
    use_catalogue(None)


@pytest.fixture
def given(tmp_path):
    """Put a file into the cache as the weights of a model."""

    def give(path, model, timms=None):
        source = {"timm": timms} if timms else {"url": "https://example.org/toy"}
        entry = {"what": "a toy", "license": "MIT", "serves": (model,), "layout": "checkpoint"}
        catalogue = {"schema": 1, "artifacts": {NAME: {**entry, **source}}}
        use_catalogue(tmp_path / "own.yaml", CatalogueFile.model_validate(catalogue))
        fetch(NAME, Cache(cache_folder()), Silent(), given=path)
        return NAME

    return give


@pytest.fixture
def saved(tmp_path, given):
    """Save what a checkpoint holds and put it into the cache."""

    def save(content, model, timms=None):
        path = tmp_path / "file"
        torch.save(content, path)
        return given(path, model, timms)

    return save


def drawn(name, seed=0, **settings):
    """Build a variant with weights, counters and statistics unlike those of a new one."""
    torch.manual_seed(seed)
    model = vig_models.create_model(name, **settings).eval()
    with torch.no_grad():
        for entry in model.state_dict().values():
            if entry.is_floating_point() and entry.dim() == 1:
                entry.add_(torch.rand_like(entry) / 10)
    return model


def official(name, model):
    names = family_module(vig_models.family_of(name)).OFFICIAL_NAMES
    return {to_official(entry, names): value for entry, value in model.state_dict().items()}


@torch.no_grad()
def logits(model, side=64):
    return model(torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("name", ["vig_ti", "mobilevig_s", "pvt_tiny"])
def test_the_weights_of_a_variant_are_all_loaded(saved, name):
    model = drawn(name)
    loaded, told = load_weights(name, saved({"model": official(name, model), "epoch": 299}, name))
    for entry, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[entry], value), entry
    assert not loaded.training
    assert (told["took"], told["left"], told["entries"]) == (
        "model",
        ["epoch"],
        len(model.state_dict()),
    )
    assert (told["name"], told["trust"], told["url"]) == (NAME, "first use", None)


def test_a_loaded_model_answers_like_the_one_that_was_saved(saved):
    model = drawn("mobilevig_ti")
    name = saved(official("mobilevig_ti", model), "mobilevig_ti")
    for form in ("fast", "published"):
        loaded, told = load_weights("mobilevig_ti", name, implementation=form)
        torch.testing.assert_close(logits(loaded), logits(model), rtol=1e-3, atol=1e-4)
        assert (told["took"], told["left"]) == (None, [])


def test_one_changed_weight_changes_the_answer(saved):
    model = drawn("mobilevig_ti")
    before = logits(model)
    state = official("mobilevig_ti", model)
    first = next(entry for entry, value in state.items() if value.dim() == 4)
    broken = {**state, first: state[first] * 1.5}
    loaded, _ = load_weights("mobilevig_ti", saved(broken, "mobilevig_ti"))
    assert not torch.allclose(logits(loaded), before, rtol=1e-3, atol=1e-4)


def test_a_reparameterized_checkpoint_gives_the_same_answers(saved):
    model = drawn(MOBILE)
    merged = {}
    for entry, value in official(MOBILE, model).items():
        changed = value.clone()
        if entry.endswith(".cpe.pe.weight"):
            changed[:, 0, 3, 3] += 1
        merged[entry.replace(".cpe.pe.", ".cpe.reparam_conv.")] = changed
    assert any("reparam_conv" in entry for entry in merged)
    loaded, _ = load_weights(MOBILE, saved({"state_dict": merged}, MOBILE))
    torch.testing.assert_close(logits(loaded), logits(model), rtol=1e-3, atol=1e-4)


def test_weights_come_as_safetensors_too(tmp_path, given):
    model = drawn("mobilevig_ti")
    save_file(official("mobilevig_ti", model), tmp_path / "file.safetensors")
    name = given(tmp_path / "file.safetensors", "mobilevig_ti")
    loaded, _ = load_weights("mobilevig_ti", name)
    torch.testing.assert_close(logits(loaded), logits(model), rtol=1e-3, atol=1e-4)


def refused(model, name):
    with pytest.raises(ReproductionError) as caught:
        load_weights(model, name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return str(caught.value)


@pytest.fixture
def few(monkeypatch):
    """Have few variants that a checkpoint may be of: each is built to find out."""
    monkeypatch.setattr(vig_models, "list_models", lambda: ["mobilevig_s", "vig_ti"])


def test_the_checkpoint_of_another_variant_is_named(saved, few):
    name = saved(official("mobilevig_s", drawn("mobilevig_s")), "mobilevig_ti")
    message = refused("mobilevig_ti", name)
    assert message.startswith(
        "weights/toy: want the weights of mobilevig_ti, found entries that do"
    )
    assert message.endswith("; it is a checkpoint of mobilevig_s; fetch another with --from FILE")


def test_a_checkpoint_with_one_class_less_is_told_in_so_many_words(saved, few):
    name = saved(official("vig_ti", drawn("vig_ti", num_classes=999)), "vig_ti")
    message = refused("vig_ti", name)
    assert message == (
        "weights/toy: want the weights of vig_ti, found 999 classes instead of 1000; it is no "
        "checkpoint of it; fetch another with --from FILE"
    )


MISFITS = {
    "missing": (
        lambda state, entry: state.pop(entry),
        r"found entries that do not fit: 1 missing, such as '[\w.]+'; it is no checkpoint of it",
    ),
    "unexpected": (
        lambda state, _: state.update(extra=torch.zeros(1)),
        r"found entries that do not fit: 1 unexpected, such as 'extra'; it is no checkpoint of it",
    ),
    "misshapen": (
        lambda state, entry: state.update({entry: state[entry][:-1]}),
        r"1 of another shape, such as '[\w.]+'; it is no checkpoint of it",
    ),
    "not finite": (
        lambda state, entry: state.update({entry: state[entry] * torch.nan}),
        r"damaged '[\w.]+' \(it holds values that are not finite\)",
    ),
    "another kind of number": (
        lambda state, entry: state.update({entry: state[entry].long()}),
        r"damaged '[\w.]+' \(want torch\.float32, got torch\.int64\)",
    ),
}


@pytest.mark.parametrize(("change", "message"), MISFITS.values(), ids=MISFITS)
def test_an_entry_that_does_not_fit_is_named(saved, few, change, message):
    state = official("vig_ti", drawn("vig_ti"))
    change(state, next(entry for entry, value in state.items() if value.dim() == 4))
    assert re.search(message, refused("vig_ti", saved(state, "vig_ti")))


def test_weights_of_another_model_are_refused_by_the_catalogue(saved):
    name = saved({"x": torch.zeros(1)}, "vig_ti")
    assert refused("vig_s", name) == (
        "weights/toy: want weights of vig_s, found weights of vig_ti; name the artifact of vig_s"
    )


def test_a_model_that_does_not_exist_is_one_sentence(saved):
    name = saved({"x": torch.zeros(1)}, "vig_ti")
    assert refused("vig_tii", name) == "no model 'vig_tii'; did you mean 'vig_ti'?"


def test_weights_that_were_not_fetched_are_an_obstacle():
    with pytest.raises(NotMeasurableError, match=r"run `verify fetch vig_s`$"):
        load_weights("vig_s", "weights/vig_s")


# -- files ------------------------------------------------------------------------------


class Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, zipped):
    content = {"model": {"x": torch.zeros(1)}, "extra": Code(tmp_path / "made")}
    torch.save(content, tmp_path / "file", _use_new_zipfile_serialization=zipped)
    message = r"^weights/toy: want weights alone, found 'posix\.mkdir', whose making may run code;"
    with pytest.raises(ReproductionError, match=message):
        read_checkpoint(tmp_path / "file", NAME)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_of_a_kind_that_is_not_read_is_said_in_whole_words(tmp_path, zipped):
    content = {"x": torch.zeros(1)}
    saved = {"pickle_protocol": 4, "_use_new_zipfile_serialization": zipped}
    torch.save(content, tmp_path / "file", **saved)
    message = r"found a damaged file or another kind \(Unsupported operand 149\); fetch another"
    with pytest.raises(ReproductionError, match=message):
        read_checkpoint(tmp_path / "file", NAME)


def test_a_whole_module_is_refused(tmp_path):
    torch.save(nn.Linear(1, 1), tmp_path / "file")
    with pytest.raises(
        ReproductionError, match=r"found 'torch\.nn\.modules\.linear\.Linear', whos"
    ):
        read_checkpoint(tmp_path / "file", NAME)


def test_what_training_scripts_leave_beside_weights_does_not_matter(tmp_path):
    content = {
        "model": {"x": torch.zeros(1)},
        "args": argparse.Namespace(lr=0.1, opt="adamw"),
        "best": np.float64(80.4),
        "epoch": 299,
    }
    torch.save(content, tmp_path / "file")
    checkpoint = read_checkpoint(tmp_path / "file", NAME)
    assert (checkpoint.took, checkpoint.left) == ("model", ["args", "best", "epoch"])


@pytest.mark.parametrize(
    ("content", "took"),
    [
        ({"model": {}, "state_dict": {}, "model_ema": {}}, "model"),
        ({"state_dict": {}, "model_ema": {}}, "state_dict"),
        ({"model_ema": {}}, "model_ema"),
        ({"model": None, "model_ema": {}}, "model_ema"),
        ({"model": 3}, None),
        ({}, None),
    ],
)
def test_the_first_entry_that_holds_weights_counts(content, took):
    checkpoint = Checkpoint(content)
    assert checkpoint.took == took
    assert checkpoint.left == (sorted(content.keys() - {took}) if took else [])


CONTENTS = {
    "list": ([torch.zeros(1)], "want a mapping from names to tensors, found 'list'"),
    "no weights": (
        {"epoch": 3},
        "want tensors by name, alone or under model, state_dict, model_ema",
    ),
    "empty": ({}, "found nothing; it is no checkpoint"),
    "empty weights": ({"model": {}}, "found 'model'; it is no checkpoint"),
}


@pytest.mark.parametrize(("content", "message"), CONTENTS.values(), ids=CONTENTS)
def test_what_holds_no_weights_is_no_checkpoint(tmp_path, content, message):
    torch.save(content, tmp_path / "file")
    with pytest.raises(ReproductionError, match=re.escape(message)):
        read_checkpoint(tmp_path / "file", NAME)


BYTES = {
    "empty": b"",
    "page": b"<!doctype html>",
    "zip": b"PK\x03\x04 and nothing else",
    "pickle": b"\x80\x02 and nothing else",
    "pickle cut": b"\x80",
    "safetensors": (100).to_bytes(8, "little") + b"{" + b"x" * 200,
}


@pytest.mark.parametrize("raw", BYTES.values(), ids=BYTES)
def test_a_damaged_file_is_one_sentence(tmp_path, raw):
    (tmp_path / "file").write_bytes(raw)
    message = r"^weights/toy: want a checkpoint of torch or safetensors, found a damaged file or an"
    with pytest.raises(ReproductionError, match=message) as caught:
        read_checkpoint(tmp_path / "file", NAME)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_file_that_was_cut_is_one_sentence(tmp_path, kept):
    torch.save({"x": torch.randn(1000)}, tmp_path / "file")
    raw = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(raw[: int(len(raw) * kept)])
    with pytest.raises(ReproductionError, match="found a damaged file or another kind"):
        read_checkpoint(tmp_path / "file", NAME)


# -- timm's -----------------------------------------------------------------------------

TIMMS = "resnet18.tv_in1k"


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return timm.create_model("resnet18").eval()


def test_the_weights_of_a_model_of_timm_are_all_loaded(tmp_path, given, resnet):
    save_file(resnet.state_dict(), tmp_path / "file")
    loaded, told = load_weights("resnet18", given(tmp_path / "file", "resnet18", TIMMS))
    for entry, value in resnet.state_dict().items():
        assert torch.equal(loaded.state_dict()[entry], value), entry
    assert not loaded.training
    assert "state_dict" not in loaded.pretrained_cfg
    assert loaded.pretrained_cfg["tag"] == "tv_in1k"
    assert (told["took"], told["entries"]) == (None, len(resnet.state_dict()))


def test_what_timm_makes_of_the_entries_of_authors_is_made(saved):
    torch.manual_seed(0)
    model = timm.create_model("deit_tiny_patch16_224")
    state = model.state_dict()
    flat = state["patch_embed.proj.weight"].flatten(1)  # a linear map, as old checkpoints have it
    name = saved(
        {"model": {**state, "patch_embed.proj.weight": flat}},
        "deit_tiny_patch16_224",
        "deit_tiny_patch16_224.fb_in1k",
    )
    loaded, told = load_weights("deit_tiny_patch16_224", name)
    for entry, value in state.items():
        assert torch.equal(loaded.state_dict()[entry], value), entry
    assert told["took"] == "model"


TIMM_MISFITS = {
    "another model": (lambda _: timm.create_model("resnet34").state_dict(), "Unexpected key"),
    "999 classes": (
        lambda _: timm.create_model("resnet18", num_classes=999).state_dict(),
        "size mismatch for fc.weight",
    ),
    "missing": (lambda state: {k: v for k, v in state.items() if k != "fc.bias"}, "Missing key"),
    "unexpected": (lambda state: {**state, "extra": torch.zeros(1)}, "Unexpected key"),
    "not finite": (
        lambda state: {**state, "fc.bias": state["fc.bias"] * torch.nan},
        "want finite weights, found others in 'fc.bias'",
    ),
}


@pytest.mark.parametrize(("change", "message"), TIMM_MISFITS.values(), ids=TIMM_MISFITS)
def test_what_does_not_fit_a_model_of_timm_is_one_sentence(saved, resnet, change, message):
    name = saved(change(dict(resnet.state_dict())), "resnet18", TIMMS)
    assert message in refused("resnet18", name)
