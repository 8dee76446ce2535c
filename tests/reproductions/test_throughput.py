"""Throughput of one process: models and time that tests make up, and one real run on the CPU."""

import importlib

import pytest
import torch
from torch import nn

from reproductions import throughput as module
from reproductions.catalog import ThroughputParams
from reproductions.contract import NotMeasurableError
from reproductions.errors import ReproductionError
from reproductions.measure import parse_params
from reproductions.placement import kernel_of, place_of
from reproductions.pooling import pool_throughput
from reproductions.speed_statistics import paired_ratio
from reproductions.stopwatch import Stopwatch, WallClock, clock_for
from vig_models import ModelError

ON_CPU = {"model": "resnet18", "batch": 4, "image_size": 8, "precision": "default", "device": "cpu"}
STEP = 2.0**-6


class Toy(nn.Module):
    """A model whose pass takes ``step`` seconds of the made-up time and tells what it saw."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.now, self.step, self.seen = 0.0, STEP, []

    def forward(self, images):
        self.now += self.step
        self.seen.append(images)
        return self.conv(images)


@pytest.fixture
def toy(monkeypatch):
    """Stand in for every model and for the clock that times it."""
    made = Toy().eval()
    monkeypatch.setattr(module, "build_model", lambda *_, **settings: made)
    watch = Stopwatch(clock=WallClock(now=lambda: made.now))
    monkeypatch.setattr(module, "stopwatch_for", lambda device: watch)
    return made


def measure(given="cpu", /, **params):
    return module.throughput(ThroughputParams(**ON_CPU | params), given)


def test_throughput_is_the_batch_over_the_median_pass(toy):
    found = measure()
    assert found.values["latency"].value == STEP * 1e3
    assert found.values["throughput"].value == 4 / STEP
    assert found.samples == {"latency_ms": [STEP * 1e3]}
    assert found.facts["outcome"] == "runs"


def test_the_evidence_lets_a_reader_derive_the_values(toy):
    toy.conv.register_forward_hook(lambda *_: setattr(toy, "step", STEP * (1 + len(toy.seen) % 3)))
    found = measure()
    evidence = found.evidence
    assert evidence["quartiles_ms"] == [STEP * 1e3, 2 * STEP * 1e3, 3 * STEP * 1e3]
    assert evidence["range_ms"] == [STEP * 1e3, 3 * STEP * 1e3]
    assert found.values["latency"].value == evidence["quartiles_ms"][1]
    assert found.values["throughput"].value == pytest.approx(
        evidence["setting"]["batch"] / evidence["quartiles_ms"][1] * 1e3, rel=1e-12
    )


def test_the_warm_up_is_told(toy):
    assert measure().evidence["warm_up"] == {
        "first_s": STEP,
        "seconds": 33 * STEP,
        "windows": 3,
        "last_windows_ms": [STEP * 1e3] * 3,
        "converged": True,
    }


def test_a_warm_up_that_does_not_settle_is_told(toy):
    toy.conv.register_forward_hook(lambda *_: setattr(toy, "step", toy.step * 1.01))
    warm_up = measure().evidence["warm_up"]
    assert warm_up["converged"] is False
    assert warm_up["seconds"] >= 10


def test_a_pass_is_one_batch_in_inference_mode(toy):
    def look(*_):
        looks.append((torch.is_inference_mode_enabled(), toy.training))

    looks = []
    toy.conv.register_forward_hook(look)
    measure(batch=3, image_size=16)
    assert {images.shape for images in toy.seen} == {(3, 3, 16, 16)}
    assert {images.dtype for images in toy.seen} == {torch.float32}
    assert set(looks) == {(True, False)}


def test_the_images_stay_where_they_are_and_are_normal_from_seed_0(toy):
    measure(batch=64, image_size=16)
    first = toy.seen[0]
    assert all(images is first for images in toy.seen)
    assert abs(first.mean().item()) < 0.05
    assert abs(first.std().item() - 1) < 0.05
    expected = torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first, expected)


def test_torch_is_left_as_it_was(toy):
    before, flags = torch.get_rng_state(), module.flags(torch.device("cpu"))
    measure(precision="autocast_bf16")
    assert torch.equal(torch.get_rng_state(), before)
    assert module.flags(torch.device("cpu")) == flags
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("layout", "memory_format"),
    [("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)],
)
def test_the_layout_is_that_of_images_and_weights(layout, memory_format, toy):
    measure(layout=layout)
    assert toy.seen[0].is_contiguous(memory_format=memory_format)
    assert toy.conv.weight.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("default", torch.float32),
        ("tf32_off", torch.float32),
        ("autocast_fp16", torch.float16),
        ("autocast_bf16", torch.bfloat16),
    ],
)
def test_a_pass_computes_in_the_precision(precision, dtype, toy):
    dtypes = set()
    toy.conv.register_forward_hook(lambda _module, _args, output: dtypes.add(output.dtype))
    told = measure(precision=precision).evidence["setting"]["precision"]
    assert dtypes == {dtype}
    assert told["autocast"] == (None if dtype is torch.float32 else str(dtype))
    assert told["cudnn_allow_tf32"] is (precision != "tf32_off")


@pytest.mark.parametrize("compiled", [False, True])
def test_a_model_is_compiled_where_asked(compiled, toy, monkeypatch):
    models = []
    monkeypatch.setattr(torch, "compile", lambda model: models.append(model) or model)
    measure(compiled=compiled)
    assert models == ([toy] if compiled else [])


def test_the_model_is_built_as_the_params_say(toy, monkeypatch):
    asked = []
    monkeypatch.setattr(
        module, "build_model", lambda *name, **rest: asked.append((name, rest)) or toy
    )
    measure(model="vig_ti", num_classes=7, image_size=32, implementation="fast")
    rest = {"num_classes": 7, "image_size": 32, "implementation": "fast"}
    assert asked == [(("vig_ti",), rest)]


@pytest.mark.parametrize(
    ("model", "kernel"),
    [("clustervig_ti", "substitute"), ("clustervig_b_hr", "substitute"), ("pvig_ti", "none")],
)
def test_the_kernel_that_stands_in_is_told(model, kernel, toy):
    assert measure(model=model).evidence["setting"]["kernel"] == kernel


@pytest.mark.parametrize(
    ("model", "implementation", "kernel"),
    [
        ("clustervig_ti", "published", "torch_cluster"),
        ("clustervig_ti", "fast", "substitute"),
        ("resnet18", "published", "none"),
    ],
)
def test_only_the_form_of_the_authors_runs_their_kernel(model, implementation, kernel, monkeypatch):
    monkeypatch.setattr("vig_models.partitions._KNN", lambda *_: None)
    params = ThroughputParams(**ON_CPU | {"model": model, "implementation": implementation})
    assert kernel_of(params, torch.device("cuda")) == kernel


def test_processes_of_one_cell_can_be_pooled(toy):
    rounds = []
    for number in range(5):
        toy.step = STEP * (1 + number / 128)
        rounds.append(measure())
    pooled = pool_throughput(rounds)
    assert pooled.samples["latency_ms"] == [1e3 * STEP * (1 + n / 128) for n in range(5)]
    assert pooled.evidence["setting"] == rounds[0].evidence["setting"]
    assert pooled.evidence["processes"][0]["iterations"] == 32


def test_a_model_with_more_work_in_it_loses(toy):
    noise = [1.0, 1.01, 0.99, 1.02, 1.0]
    latencies = {}
    for work in (STEP, 1.03 * STEP):
        latencies[work] = []
        for disturbed in noise:
            toy.step = work * disturbed
            latencies[work].append(measure().values["latency"].value)
    ratio = paired_ratio(latencies[1.03 * STEP], latencies[STEP], level=0.05)
    assert ratio.low > 1
    assert ratio.value == pytest.approx(1.03, rel=1e-9)


def refuse(toy, error):
    def fail(*_):
        raise error

    toy.conv.register_forward_hook(fail)


def test_memory_that_runs_out_on_the_device_is_an_outcome_without_a_speed(toy):
    refuse(toy, torch.OutOfMemoryError("CUDA out of memory. Tried 2 GiB.\nSee the documentation."))
    found = measure(batch=2)
    assert found.values == found.samples == {}
    assert found.facts["outcome"] == "out_of_memory"
    assert found.evidence["error"] == "CUDA out of memory. Tried 2 GiB."
    assert found.evidence["setting"]["batch"] == 2
    assert {len(images) for images in toy.seen} == {2}


def test_memory_that_runs_out_on_the_cpu_is_an_outcome(toy):
    assert measure(batch=10**12).facts["outcome"] == "out_of_memory"
    toy.conv.register_forward_hook(lambda *_: torch.empty(10**15))
    found = measure()
    assert found.facts["outcome"] == "out_of_memory"
    assert "DefaultCPUAllocator" in found.evidence["error"]


def test_memory_that_runs_out_as_the_model_is_built_is_an_outcome(toy, monkeypatch):
    def build(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(module, "build_model", build)
    assert measure().facts["outcome"] == "out_of_memory"


def test_what_ran_out_of_memory_is_measured_again_where_it_fits(toy):
    assert measure(batch=10**12).facts["outcome"] == "out_of_memory"
    assert measure().values["throughput"].value == 4 / STEP


def test_what_an_earlier_measurement_left_is_given_back_first(toy, monkeypatch):
    seen = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: seen.append(len(toy.seen)))
    measure()
    assert seen == [0]


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: the launch timed out and was terminated"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ],
    ids=["access", "launch", "library"],
)
def test_a_lost_device_is_an_error_and_no_outcome(error, toy):
    refuse(toy, error)
    with pytest.raises(RuntimeError, match=r"CUD[AN]"):
        measure()


def test_a_size_that_the_model_refuses_is_bad_input(toy):
    refuse(toy, ModelError("want 224"))
    with pytest.raises(ReproductionError, match=r"'resnet18' .+ 8 x 8 images \(want 2") as refused:
        measure()
    assert refused.type is ReproductionError


def test_without_a_compiler_what_is_to_be_compiled_is_not_measurable(toy):
    failed = importlib.import_module("torch._dynamo.exc").BackendCompilerFailed
    inner = OSError("No working C++ compiler found in cxx\nSet TORCH_LOGS for more")
    refuse(toy, failed(print, inner, None))
    told = r"found that it does not \(OSError: No working C\+\+ compiler found in cxx\); install"
    with pytest.raises(NotMeasurableError, match=told):
        measure()


@pytest.mark.parametrize("wanted", ["cuda", "rtx-6000-ada", "h200"])
@pytest.mark.parametrize("given", ["cpu", "cuda:0"])
def test_without_a_gpu_what_wants_one_is_not_measurable(wanted, given, toy, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NotMeasurableError, match="wants a CUDA device, found none; run on a"):
        measure(given, device=wanted)


def test_what_wants_a_gpu_is_not_measured_on_the_cpu_of_a_machine_that_has_one(toy, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(NotMeasurableError, match="wants a CUDA device, found the device 'cpu'"):
        measure("cpu", device="cuda")


@pytest.mark.parametrize("wanted", ["cuda", "rtx-6000-ada"])
def test_what_wants_a_gpu_gets_the_one_that_the_process_was_given(wanted, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    params = ThroughputParams(**ON_CPU | {"device": wanted})
    assert place_of("x", "cuda:1", wants_cuda=params.wants_cuda()) == torch.device("cuda:1")


def test_what_wants_the_cpu_gets_it_also_beside_a_gpu(toy):
    assert measure("cuda:0").evidence["setting"]["device"].startswith("cpu-")


def test_tensorfloat_32_is_not_measured_where_there_is_none(toy):
    with pytest.raises(NotMeasurableError, match="'tf32_on' wants a CUDA device, found the CPU"):
        measure(precision="tf32_on")


@pytest.mark.parametrize("precision", ["tf32_on", "autocast_bf16"])
@pytest.mark.parametrize(("capability", "fits"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_a_precision_wants_a_gpu_that_has_it(precision, capability, fits, monkeypatch):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Toy GPU")
    params = ThroughputParams(**ON_CPU | {"precision": precision, "device": "cuda"})
    if fits:
        assert module._refuse_precision(params, torch.device("cuda")) is None
        return
    with pytest.raises(NotMeasurableError, match=f"{precision!r} wants a GPU .+ found Toy GPU"):
        module._refuse_precision(params, torch.device("cuda"))


def test_a_precision_that_the_environment_overrules_is_not_measurable(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    with pytest.raises(NotMeasurableError, match="NVIDIA_TF32_OVERRIDE in the environment"):
        measure("cuda:0", device="cuda")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 0}, "param 'batch': want greater than or equal to 1, found 0"),
        ({"batch": "8"}, "param 'batch': want a valid integer, found '8'"),
        ({"image_size": 0}, "param 'image_size': want greater than or equal to 1, found 0"),
        ({"precision": "fp8"}, "param 'precision': want 'default', .+ found 'fp8'"),
        ({"layout": "packed"}, "param 'layout': want 'channels_last' or .+ found 'packed'"),
        ({"device": "cuda:0"}, "param 'device': .+ found 'cuda:0'"),
        ({"device": ""}, "param 'device': .+ found ''"),
        ({"seed": 1}, "no param 'seed'"),
    ],
    ids=str,
)
def test_params_that_make_no_sense_are_refused(change, message):
    with pytest.raises(ReproductionError, match=f"throughput: {message}"):
        parse_params("throughput", ON_CPU | change)


@pytest.mark.parametrize("missing", ["batch", "precision", "device", "model"])
def test_what_decides_the_speed_is_never_implied(missing):
    given = {key: value for key, value in ON_CPU.items() if key != missing}
    with pytest.raises(ReproductionError, match=f"param {missing!r} is missing; add it"):
        parse_params("throughput", given)


def test_the_stopwatch_of_the_protocol_has_the_limits_it_states():
    watch = module.stopwatch_for(torch.device("cpu"))
    assert watch == Stopwatch(
        clock=WallClock(),
        window_s=0.25,
        agreeing_windows=3,
        agreement=0.01,
        warm_up_limit_s=10,
        least_iterations=10,
        least_s=0.5,
    )


@pytest.fixture
def hurried(monkeypatch):
    """Use the real clock and models, and little time."""

    def stopwatch_for(device):
        return Stopwatch(
            clock=clock_for(device),
            window_s=0.01,
            warm_up_limit_s=0.05,
            least_iterations=3,
            least_s=0.01,
        )

    monkeypatch.setattr(module, "stopwatch_for", stopwatch_for)


@pytest.mark.parametrize("implementation", ["fast", "published"])
def test_a_model_runs_from_end_to_end(implementation, hurried):
    found = measure(model="mobilevig_ti", batch=1, image_size=64, implementation=implementation)
    assert found.facts["outcome"] == "runs"
    assert found.evidence["iterations"] >= 3
    assert found.values["throughput"].value > 0
    assert found.values["latency"].value == found.evidence["quartiles_ms"][1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["default", "tf32_off", "autocast_fp16"])
def test_a_model_runs_from_end_to_end_on_a_gpu(precision, hurried):
    found = measure(
        "cuda:0", model="mobilevig_ti", precision=precision, image_size=224, device="cuda"
    )
    assert found.evidence["setting"]["device"] == torch.cuda.get_device_name(0)
    assert found.evidence["setting"]["precision"]["cudnn_allow_tf32"] is (precision != "tf32_off")
    assert found.values["throughput"].value > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_that_runs_out_on_a_gpu_is_an_outcome_after_which_it_goes_on(hurried):
    torch.cuda.set_per_process_memory_fraction(1e-5)
    try:
        found = measure("cuda:0", device="cuda", image_size=224)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert found.facts["outcome"] == "out_of_memory"
    assert measure("cuda:0", device="cuda", image_size=224).facts["outcome"] == "runs"
