"""Training steps under checkpoints and micro-batches, on small models of every kind of layout."""

import copy
from itertools import accumulate, pairwise

import pytest
import torch

from reproductions import training_memory as module
from reproductions import training_setup, training_step
from reproductions.catalog import TrainingMemoryParams
from reproductions.checkpointing import checkpointed
from reproductions.contract import NotMeasurableError
from reproductions.errors import ReproductionError
from reproductions.training_memory import training_memory
from reproductions.training_step import Mode, loss_of, step
from vig_models import create_model

SMALL = {
    "vig_ti": {"depth": 2},
    "pvig_ti": {"depths": (1, 1, 1, 1)},
    "mobilevigv2_ti": {},
    "greedyvig_s": {},
    "clustervig_ti": {"depth": 2},
}


def model_of(name):
    torch.manual_seed(0)
    overrides = dict(SMALL[name])
    known = create_model(name).config
    overrides = {key: value for key, value in overrides.items() if hasattr(known, key)}
    return create_model(name, num_classes=10, **overrides).train()


@pytest.fixture(scope="module", params=SMALL)
def model(request):
    return model_of(request.param)


def gradients(model, mode):
    trained = copy.deepcopy(model)
    torch.manual_seed(1)
    images = torch.randn(2, 3, 224, 224)
    torch.manual_seed(2)  # what the model draws
    step(trained, images, torch.tensor([0, 1]), mode)
    return {name: p.grad for name, p in trained.named_parameters() if p.grad is not None}, trained


@pytest.mark.parametrize(
    "mode",
    [Mode("layers"), Mode("graphers"), Mode("segments", segments=2)],
    ids=lambda mode: mode.checkpoints,
)
def test_gradients_under_checkpoints_are_bitwise_equal(mode, model):
    plain, _ = gradients(model, Mode())
    other, _ = gradients(model, mode)
    assert plain.keys() == other.keys()
    assert all(torch.equal(plain[name], other[name]) for name in plain)


def test_a_model_is_left_as_it_was(model):
    forwards = {name: part.__dict__.get("forward") for name, part in model.named_modules()}
    for what in ("layers", "graphers", "segments"):
        with checkpointed(model, what, 2):
            pass
    assert {n: part.__dict__.get("forward") for n, part in model.named_modules()} == forwards
    assert "layers" not in model.__dict__
    assert not model.grad_checkpointing


def measure(**params):
    given = {"model": "vig_ti", "num_classes": 10, "batch": 4, "device": "cpu", **params}
    return training_memory(TrainingMemoryParams(**given), "cpu")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(training_setup, "build_model", lambda *_, **__: model_of("vig_ti"))
    monkeypatch.setattr(module, "_LAPS", 1)


def test_checkpoints_take_less_memory_and_at_most_one_more_forward_pass():
    found = measure(checkpoints="layers")
    assert found.facts["gradients"] == "bitwise equal"
    assert found.values["peak_ratio"].value < 1
    assert 1 < found.values["operations_ratio"].value <= 4 / 3
    assert found.values["gradient_distance"].value == 0


def test_the_plain_step_stands_beside_the_mode():
    found = measure(checkpoints="layers")
    value = {name: quantity.value for name, quantity in found.values.items()}
    assert value["allocated"] / value["allocated_plain"] == pytest.approx(value["peak_ratio"])
    assert value["operations"] / value["operations_plain"] == pytest.approx(
        value["operations_ratio"]
    )
    assert found.evidence["operations"]["plain"] == pytest.approx(2e9 * value["operations_plain"])


def test_speed_is_the_median_of_six_steps_from_the_slowest_to_the_fastest(monkeypatch):
    monkeypatch.setattr(module, "_LAPS", 6)
    # The clock is read before and after each step: the plain one takes 1 s, the other 2 s, and
    # what does not count, the first of each, 9 s.
    lengths = [9, 9, *(length for late in (0, 0, 0, 0, 0, 1) for length in (1 + late, 2 + late))]
    starts = [0, *accumulate(lengths)]
    readings = iter([t for pair in pairwise(starts) for t in pair])
    monkeypatch.setattr(training_step, "seconds", lambda _: next(readings))
    found = measure(checkpoints="layers")
    assert found.samples == {"seconds_plain": [1, 1, 1, 1, 1, 2], "seconds": [2, 2, 2, 2, 2, 3]}
    plain, other = (found.values[f"images_per_second{suffix}"] for suffix in ("_plain", ""))
    assert (plain.low, plain.value, plain.high) == (2, 4, 4)
    assert (other.low, other.value, other.high) == (pytest.approx(4 / 3), 2, 2)
    assert plain.level == 2**-5


def test_the_plain_step_against_itself_is_the_same():
    found = measure()
    ratios = {name: found.values[name].value for name in ("peak_ratio", "operations_ratio")}
    assert ratios == {"peak_ratio": 1, "operations_ratio": 1}
    assert found.values["batchnorm_drift"].value == 0
    assert found.values["batchnorm_updates"].value == 1


def test_batchnorm_moves_twice_under_checkpoints_and_a_lower_momentum_mends_it():
    found = measure(checkpoints="layers")
    assert found.values["batchnorm_updates"].value == 2
    # Of means that moved by m: 1 - (1 - m)^2 is 1.9 m at m = 0.1; stem and head moved once.
    assert 0.5 < found.values["batchnorm_drift"].value <= 0.9 + 1e-6
    assert found.values["batchnorm_drift_mended"].value < 1e-5


def test_micro_batches_change_statistics_and_so_gradients():
    found = measure(micro_batches=2)
    assert found.facts["gradients"] == "different"
    assert found.values["batchnorm_updates"].value == 2
    assert found.values["gradient_cosine"].value < 1
    assert found.values["peak_ratio"].value < 1


def test_both_together_take_less_than_either():
    peaks = {
        name: measure(**params).values["allocated"].value
        for name, params in {
            "layers": {"checkpoints": "layers"},
            "micro": {"micro_batches": 2},
            "both": {"checkpoints": "layers", "micro_batches": 2},
        }.items()
    }
    assert peaks["both"] < min(peaks["layers"], peaks["micro"])


def test_memory_and_arithmetic_are_of_steps_from_the_same_random_numbers(monkeypatch):
    states = {"peak_of": [], "operations_of": []}
    for name, seen in states.items():
        real = getattr(module, name)
        monkeypatch.setattr(
            module,
            name,
            lambda *a, seen=seen, real=real: seen.append(torch.get_rng_state()) or real(*a),
        )
    measure(checkpoints="layers")
    first, *others = [state for seen in states.values() for state in seen]
    assert len(others) == 3
    assert all(torch.equal(first, state) for state in others)


def test_a_checkpoint_that_loses_the_gradient_of_a_block_shows(monkeypatch):
    def sabotaged(model, images, labels, mode):
        if mode.checkpoints == "layers":
            block = model.backbone[0]
            block.register_forward_hook(lambda _module, args, output: output.detach() + 0 * args[0])
        step(model, images, labels, mode)

    monkeypatch.setattr(module, "step", sabotaged)
    found = measure(checkpoints="layers")
    assert found.facts["gradients"] == "different"
    assert found.values["gradient_distance"].value > 0.01


def test_the_largest_batch_fits_and_one_more_does_not():
    one = measure(batch=2).evidence["peak_bytes"]["mode"]
    found = measure(batch=2, budget_gib=2.2 * one / 2**30)
    largest = int(found.values["largest_batch"].value)
    assert largest >= 2
    assert measure(batch=largest).evidence["peak_bytes"]["mode"] <= 2.2 * one
    assert measure(batch=largest + 1).evidence["peak_bytes"]["mode"] > 2.2 * one


def runs_out(monkeypatch, too_much):
    """Let memory run out on every step of which ``too_much(images, mode)`` is true."""

    def limited(model, images, labels, mode):
        if too_much(images, mode):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(model, images, labels, mode)

    monkeypatch.setattr(module, "step", limited)


def test_a_mode_that_fits_where_the_plain_step_does_not_is_measured(monkeypatch):
    whole = measure(checkpoints="layers")
    runs_out(monkeypatch, lambda _, mode: mode == Mode())
    alone = measure(checkpoints="layers")
    assert alone.facts["outcome_plain"] == "out_of_memory"
    for key in ("allocated", "operations"):
        assert alone.values[key] == whole.values[key]
    assert set(alone.values) == {"allocated", "operations", "images_per_second"}
    assert set(alone.samples) == {"seconds"}
    assert "gradients" not in alone.facts
    assert alone.evidence["peak_bytes"] == {"mode": whole.evidence["peak_bytes"]["mode"]}


def test_what_is_kept_for_comparison_may_run_out_of_memory_and_the_peaks_stand(monkeypatch):
    def run_out(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module, "_after_step", run_out)
    found = measure(checkpoints="layers")
    assert found.facts["outcome_plain"] == "runs"
    assert found.values["peak_ratio"].value < 1
    assert "gradient_distance" not in found.values


def test_the_largest_batch_is_below_the_one_that_runs_out_of_memory(monkeypatch):
    batch = module._batch

    def limited(params, device):
        if params.batch > 5:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return batch(params, device)

    monkeypatch.setattr(module, "_batch", limited)
    found = measure(batch=2, budget_gib=1000.0)
    assert found.values["largest_batch"].value == 5
    tried = found.evidence["peak_bytes_by_batch"]
    assert {size for size, peak in tried.items() if peak is None} == {"6", "8"}


@pytest.mark.parametrize("params", [{}, {"checkpoints": "layers"}], ids=["plain", "mode"])
def test_memory_that_runs_out_is_an_obstacle_in_one_sentence(params, monkeypatch):
    runs_out(monkeypatch, lambda *_: True)
    told = "^training_memory: wants memory for a step of 4 images of 224 x 224 pixels, found too li"
    with pytest.raises(NotMeasurableError, match=told):
        measure(**params)


def test_another_error_of_the_device_is_no_lack_of_memory(monkeypatch):
    def fail(*_):
        raise RuntimeError("CUDA error: device lost")

    monkeypatch.setattr(module, "step", fail)
    with pytest.raises(RuntimeError, match="device lost"):
        measure(checkpoints="layers")


def test_nothing_kept_for_comparison_is_alive_when_memory_is_measured(monkeypatch):
    done = []
    for name in ("_peak", "_after_step"):
        real = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, name=name, real=real, **k: done.append(name) or real(*a, **k)
        )
    one = measure(batch=2).evidence["peak_bytes"]["mode"]
    done.clear()
    measure(batch=2, checkpoints="layers", budget_gib=2 * one / 2**30)
    assert done == sorted(done, reverse=True)  # all of _peak, then all of _after_step
    assert set(done) == {"_peak", "_after_step"}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"micro_batches": 4}, "'vig_ti' wants two images or more at once, got one"),
        ({"checkpoints": "segments", "segments": 99}, r"'vig_ti': want 1 to \d+ segments, .* 99;"),
        ({"partitions": 2}, "create_model: vig_ti has no setting 'partitions'"),
        ({"image_size": 64}, "'vig_ti' does not run on 64 x 64 images"),
    ],
    ids=["micro-batches", "segments", "partitions", "size"],
)
def test_what_can_never_be_run_is_bad_input_in_one_sentence(params, words):
    with pytest.raises(ReproductionError, match=f"^training_memory: {words}") as refused:
        measure(**params)
    assert refused.type is ReproductionError


def test_a_model_of_others_is_bad_input(monkeypatch):
    monkeypatch.setattr(training_setup, "build_model", lambda *_, **__: torch.nn.Linear(1, 1))
    with pytest.raises(
        ReproductionError, match="want a variant of vig_models, got 'vig_t"
    ) as refused:
        measure()
    assert refused.type is ReproductionError


def test_the_loss_of_a_distilled_head_is_the_mean_of_both():
    logits, labels = torch.randn(2, 3, 5), torch.tensor([0, 1, 2])
    both = loss_of((logits[0], logits[1]), labels)
    mean = (loss_of(logits[0], labels) + loss_of(logits[1], labels)) / 2
    torch.testing.assert_close(both, mean, atol=1e-6, rtol=1e-6)


def test_a_setting_of_the_family_changes_the_variant():
    params = {"num_classes": 10, "batch": 2, "device": "cpu"}
    whole, parted = (
        training_setup.model_for(
            "a test",
            TrainingMemoryParams(model="clustervig_ti", grid=28, partitions=number, **params),
        )
        for number in (1, 4)
    )
    assert whole.pos_embed.shape[-2:] == parted.pos_embed.shape[-2:] == (28, 28)
    assert (whole.config.partitions, parted.config.partitions) == (1, 4)
    assert whole.config.implementation == "published"
    assert whole.training
