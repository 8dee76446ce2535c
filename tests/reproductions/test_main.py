"""Measuring by hand: one measurement on stdout, one sentence on stderr."""

import importlib
import json
import subprocess
import sys
from functools import partial

import pytest

from reproductions.__main__ import main
from reproductions.contract import REGISTRY, SPECS, Measurement
from reproductions.errors import NotMeasurableError

VIG = json.dumps({"model": "vig_ti"})
ON_CPU = {"model": "vig_ti", "device": "cpu"}
SEGMENTS = ON_CPU | {"batch": 2, "checkpoints": "segments", "segments": 9999}
ODD = {"model": "vig_ti", "device": "cpu", "batch": 5}

TOY = """
from reproductions.contract import Convention, Measurement, Params, Quantity, Spec
from reproductions.contract import declare, reproduction

class ToyEdgesParams(Params):
    nodes: int

declare(Spec(
    name="toy_edges", module=__name__, params=ToyEdgesParams, unit="param",
    conventions=(Convention(name="all", counts="every edge"),), better="none", protocol=1,
    cost_s=0, time_limit_s=9, memory_limit_gib=1,
))

@reproduction
def toy_edges(params, device):
    return Measurement(values={"all": Quantity.exact(params.nodes**2, "param")})
"""


def test_a_measurement_is_printed_as_json_with_its_params_in_full():
    command = [sys.executable, "-m", "reproductions", "parameter_count", VIG]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    assert printed["reproduction"] == "parameter_count"
    assert printed["params"] == {"model": "vig_ti", "num_classes": 1000}
    assert printed["measurement"]["values"]["all"]["unit"] == "Mparam"
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [[], ["--list"]], ids=["nothing", "list"])
def test_without_a_name_the_reproductions_are_listed(arguments, capsys):
    assert main(arguments) == 0
    listed = capsys.readouterr().out
    assert "parameter_count (model, num_classes = 1000) in Mparam: all, trainable" in listed
    assert "architecture (model, num_classes = 1000) in nodes: type, type_of_blocks" in listed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["parameter_cout", "{}"], "no reproduction 'parameter_cout'; did you mean 'parameter_c"),
        (
            ["zzz", "{}"],
            "no reproduction 'zzz'; known are anchors, architecture, ",
        ),
        (["parameter_count", "{"], "params: want a JSON object, got '{'"),
        (["parameter_count", "[]"], "params: want a JSON object, got '[]'"),
        (["parameter_count"], "param 'model' is missing"),
        (["parameter_count", '{"modle": "vig_ti"}'], "no param 'modle'; did you mean 'model'?"),
        (["parameter_count", '{"model": 7}'], "param 'model': want a valid string, found 7"),
        (["parameter_count", '{"model": "vig_tt"}'], "no model named 'vig_tt'; did you mean"),
        (
            ["graph_scaling", '{"construction": "svga", "grids": [7], "channels": 8}'],
            "graph_scaling: svga: want step and none else of neighbors, clusters, step, got none",
        ),
        (
            ["graph_construction", '{"model": "pvt_tiny"}'],
            "got 'pvt_tiny', whose graph is not known",
        ),
        (
            ["peak_memory", json.dumps(ON_CPU | {"batch": 1, "image_size": 100})],
            "peak_memory: 'vig_ti' does not run on 100 x 100 images (forward: want images",
        ),
        (
            ["peak_memory", json.dumps(ON_CPU | {"batch": 1, "mode": "training"})],
            "peak_memory: 'vig_ti' wants two images or more at once, got one: a BatchNorm",
        ),
        (
            ["peak_memory", json.dumps(ON_CPU | {"batch": 1, "card_gib": 48.0})],
            "want a device with a card for card_gib, got cpu; name one or leave card_gib out",
        ),
        (
            ["training_memory", json.dumps(SEGMENTS)],
            "training_memory: 'vig_ti': want 1 to 12 segments, the number of layers, got 9999",
        ),
        (
            ["training_memory", json.dumps(ON_CPU | {"batch": 2, "grid": 7})],
            "training_memory: create_model: vig_ti has no setting 'grid'",
        ),
        (["--module", "no_such_module"], "module 'no_such_module': want a module"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_sentence_and_exit_code_2(arguments, sentence, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.fixture
def put_in_its_place(monkeypatch):
    """Return a function that puts another one in the place of ``parameter_count``."""
    importlib.import_module("reproductions.parameter_count")  # or measuring would put it back
    return partial(monkeypatch.setitem, REGISTRY, "parameter_count")


def test_an_obstacle_gets_one_sentence_and_exit_code_3(put_in_its_place, capsys):
    def blocked(params, device):
        raise NotMeasurableError(f"wants a CUDA device, found {device}")

    put_in_its_place(blocked)
    assert main(["parameter_count", VIG]) == 3
    assert capsys.readouterr().err == "wants a CUDA device, found cpu\n"


def test_what_a_reproduction_prints_does_not_mix_with_the_measurement(put_in_its_place, capsys):
    def loud(params, device):
        sys.stdout.write("loading weights\n")
        return Measurement(values={})

    put_in_its_place(loud)
    assert main(["parameter_count", VIG]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["measurement"]["values"] == {}
    assert captured.err == "loading weights\n"


def test_the_module_of_another_project_brings_its_reproductions(monkeypatch, tmp_path, capsys):
    (tmp_path / "toy_project.py").write_text(TOY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert main(["--module", "toy_project", "toy_edges", '{"nodes": 7}']) == 0
        assert json.loads(capsys.readouterr().out)["measurement"]["values"]["all"]["value"] == 49
    finally:
        SPECS.pop("toy_edges", None)
        REGISTRY.pop("toy_edges", None)


def test_a_reader_that_goes_away_is_no_traceback():
    command = [sys.executable, "-m", "reproductions", "--list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


def test_an_interrupt_ends_it_with_130(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("reproductions.__main__.measure", interrupted)
    assert main(["parameter_count", VIG]) == 130
