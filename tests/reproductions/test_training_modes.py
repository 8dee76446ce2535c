"""Training runs in pairs: what stays bitwise the same, what moves, and that a broken mode shows."""

import importlib
import math

import pytest
import torch

from reproductions import digits as digits_module
from reproductions import training_runs, training_setup
from reproductions.catalog import TrainingModesParams
from reproductions.catalog_runs import TRAINING_MODES
from reproductions.contract import NotMeasurableError
from reproductions.digits import as_images, load_digits, moved
from reproductions.errors import ReproductionError
from reproductions.training_modes import training_modes
from vig_models import create_model

pytest.importorskip("sklearn", reason="the digits come with scikit-learn, extra train")

SMALL = {"depths": (1, 1, 1, 1), "channels": (8, 8, 16, 16)}
TEST_IMAGES = 40


def small_model(*_, **__):
    return create_model("mobilevig_ti", num_classes=10, **SMALL)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(training_setup, "build_model", small_model)


def measure(**params):
    given = {"model": "mobilevig_ti", "batch": 8, "image_size": 32, "device": "cpu", "steps": 3}
    given |= {"seeds": 2, "test_images": TEST_IMAGES, **params}
    return training_modes(TrainingModesParams(**given), "cpu")


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_setup, "build_model", small_model)
        return measure()


def value(found, key):
    return found.values[key].value


@pytest.mark.parametrize("mode", ["layers", "graphers", "segments", "layers_mended"])
def test_checkpoints_end_at_bitwise_equal_weights_and_the_same_losses(found, mode):
    assert found.facts[f"weights_{mode}"] == "bitwise equal"
    assert value(found, f"weights_distance_{mode}") == 0
    assert value(found, f"loss_distance_{mode}") == 0


@pytest.mark.parametrize("mode", ["accumulation", "both"])
def test_micro_batches_end_elsewhere(found, mode):
    assert found.facts[f"weights_{mode}"] == "different"
    assert value(found, f"weights_distance_{mode}") > 0.01
    assert value(found, f"loss_distance_{mode}") > 0.001


def test_checkpoints_move_the_statistics_further_and_a_lower_momentum_mends_it(found):
    # After n steps of m = 0.1 the start still counts 0.9^n, after twice as many 0.9^2n.
    assert 0.1 < value(found, "statistics_distance_layers") < 1
    assert value(found, "statistics_distance_layers_mended") < 1e-4
    assert value(found, "statistics_distance_accumulation") > 0.1
    updates = found.evidence["batchnorm_updates_of_a_step"]
    assert {mode: updates[mode] for mode in ("plain", "layers", "accumulation", "both")} == {
        "plain": 1,
        "layers": 2,
        "accumulation": 2,
        "both": 4,
    }


def test_both_together_are_accumulation_in_all_but_the_statistics(found):
    assert value(found, "weights_distance_both") == value(found, "weights_distance_accumulation")
    assert value(found, "loss_distance_both") == value(found, "loss_distance_accumulation")


def test_plain_differs_from_itself_in_nothing(found):
    for key in ("difference", "distance", "drop_moved_difference"):
        quantity = found.values[f"{key}_plain"]
        assert quantity.low == quantity.high == 0
        assert quantity.level is None


def test_every_figure_follows_from_the_counts(found):
    correct = found.evidence["correct"]
    for mode in TRAINING_MODES:
        counts = correct["test"][mode]
        assert all(isinstance(count, int) and 0 <= count <= TEST_IMAGES for count in counts)
        mean = sum(counts) / len(counts)
        assert value(found, f"accuracy_{mode}") == pytest.approx(100 * mean / TEST_IMAGES, rel=1e-9)
        assert found.samples[f"accuracy_{mode}"] == [100 * count / TEST_IMAGES for count in counts]
        plain = sum(correct["test"]["plain"]) / len(counts)
        expected = 100 * (mean - plain) / TEST_IMAGES
        assert value(found, f"difference_{mode}") == pytest.approx(expected, abs=1e-9)
        assert value(found, f"distance_{mode}") == pytest.approx(abs(expected), abs=1e-9)
        for domain in ("moved",):
            lost = 100 * (mean - sum(correct[domain][mode]) / len(counts)) / TEST_IMAGES
            assert value(found, f"drop_{domain}_{mode}") == pytest.approx(lost, abs=1e-9)


def test_the_same_params_give_the_same_counts(found):
    again = measure(modes=("layers",))
    for domain, counts in again.evidence["correct"].items():
        for mode, right in counts.items():
            assert found.evidence["correct"][domain][mode] == right


def test_only_the_modes_asked_for_are_run():
    found = measure(modes=("accumulation",), steps=1)
    assert set(found.evidence["correct"]["test"]) == {"plain", "accumulation"}
    assert "difference_layers_accumulation" not in found.values


def test_checkpoints_that_lose_a_gradient_show(monkeypatch):
    def sabotaged(model, images, labels, mode):
        loss = step(model, images, labels, mode)
        if mode.checkpoints == "layers":
            next(model.backbone.parameters()).grad.zero_()
        return loss

    step = training_runs.step
    monkeypatch.setattr(training_runs, "step", sabotaged)
    found = measure(modes=("layers",))
    assert found.facts["weights_layers"] == "different"
    assert value(found, "weights_distance_layers") > 0.001


def test_training_that_draws_anew_each_time_is_not_called_deterministic(monkeypatch):
    def shaken(model, images, labels, mode):
        state.append(len(state))
        return step(model, images + 0.1 * len(state), labels, mode)

    state, step = [], training_runs.step
    monkeypatch.setattr(training_runs, "step", shaken)
    assert measure(modes=("layers",)).facts["weights_layers"] == "not deterministic"


def test_training_learns_and_a_model_without_weights_to_learn_with_does_not(monkeypatch):
    taught = measure(modes=(), steps=30, batch=16, learning_rate=0.01)
    monkeypatch.setattr(
        training_runs.torch.optim, "AdamW", lambda weights, lr: torch.optim.SGD(weights, lr=0 * lr)
    )
    untaught = measure(modes=(), steps=2)
    assert value(taught, "accuracy_plain") > 35
    assert value(untaught, "accuracy_plain") < 30


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"batch": 2, "modes": ("accumulation",)}, "'mobilevig_ti' wants two images or more"),
        ({"modes": ("segments",), "segments": 99}, r"'mobilevig_ti': want 1 to \d+ segments"),
    ],
    ids=["micro-batches", "segments"],
)
def test_what_can_never_be_run_is_bad_input_in_one_sentence(params, words):
    with pytest.raises(ReproductionError, match=f"^training_modes: {words}") as refused:
        measure(steps=1, **params)
    assert refused.type is ReproductionError


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_an_obstacle():
    with pytest.raises(NotMeasurableError, match="wants a CUDA device, found none"):
        measure(device="cuda")


def test_a_size_that_the_model_does_not_take_is_bad_input(monkeypatch):
    monkeypatch.setattr(
        training_setup, "build_model", lambda *_, **__: create_model("vig_ti", depth=1)
    )
    with pytest.raises(ReproductionError, match="'vig_ti' does not run on 32 x 32 ") as refused:
        measure(model="vig_ti")
    assert refused.type is ReproductionError


def test_memory_that_runs_out_is_an_obstacle_in_one_sentence(monkeypatch):
    def run_out(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(training_runs, "step", run_out)
    with pytest.raises(NotMeasurableError, match="training_modes: wants memory for a step of 8 im"):
        measure()


def test_without_scikit_learn_it_says_how_to_install_it(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(digits_module, "import_module", missing)
    with pytest.raises(NotMeasurableError, match=r'install it: pip install "vig-verify\[train\]"'):
        measure()


def test_digits_are_those_that_are_shipped():
    shipped = importlib.import_module("sklearn.datasets").load_digits()
    loaded = load_digits("a test")
    assert loaded.pixels.shape == (1797, 1, 8, 8)
    assert loaded.labels.tolist() == shipped.target.tolist()
    torch.testing.assert_close(
        16 * loaded.pixels[:, 0].double(), torch.tensor(shipped.images), atol=0, rtol=0
    )


def _reference_moved(image):
    return [[0.0, *row[:-1]] for row in image]


def test_moved_digits_are_one_pixel_further_right():
    pixels = torch.rand(3, 1, 8, 8)
    expected = [[_reference_moved(image[0])] for image in pixels.tolist()]
    assert moved(pixels).tolist() == expected


def test_images_have_three_equal_channels_from_minus_one_to_one():
    images = as_images(torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)]), 32)
    assert images.shape == (2, 3, 32, 32)
    assert (images[0] == -1).all()
    assert (images[1] == 1).all()
    assert math.isclose(float(as_images(torch.full((1, 1, 8, 8), 0.25), 16).mean()), -0.5)
