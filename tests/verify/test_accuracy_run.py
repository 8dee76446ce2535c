"""Accuracy through the command line: from a catalogue and a folder of pictures to a verdict.

The model is a small one of timm. Its last layer is set to find the nearest of the pictures it is
shown, so that it has every class right, but for the classes that are swapped on purpose.
"""

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from reproductions.labeled_images import synsets


def _load(name, path):
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


harness = _load("harness", Path(__file__).parent / "toyproject" / "harness.py")
data = _load("accuracy_data", Path(__file__).parents[1] / "accuracy_data.py")
clean, toy = harness.clean, harness.toy

MODEL = "test_resnet"
SWAPPED = 180
SIDE = 32
SEEN = {**data.SEEN, "resize": SIDE, "crop": SIDE}
WRONG = {**SEEN, "mean": [0.9, 0.1, 0.5], "std": [0.05, 0.9, 0.2]}
PARAMS = {
    "model": MODEL,
    "weights": data.WEIGHTS,
    "dataset": data.DATA,
    "transform": SEEN,
    "precision": "tf32_off",
    "batch": 25,
    "device": "cpu",
}
CATALOGUE = f"""
schema: 1
artifacts:
  {data.WEIGHTS}:
    what: toy weights
    login: draw them
    license: MIT
    serves: [{MODEL}]
    layout: checkpoint
  {data.DATA}:
    what: toy pictures
    login: draw them
    license: MIT
    serves: [toyset]
    layout: archive
"""


def claims(**printed):
    """Print an accuracy for each transform."""
    rows = [
        {
            "id": f"toynotes.top1_accuracy.{name}",
            "statement": f"It reaches {figure} %.",
            "found_at": [{"section": "1", "printed": figure}],
            "reproduction": "top1_accuracy",
            "params": {**PARAMS, "transform": transform},
            "expect": {"kind": "value", "printed": figure, "unit": "percent"},
        }
        for name, (figure, transform) in printed.items()
    ]
    return json.dumps({"source": "toynotes", "claims": rows})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Pictures of 1,000 classes, and weights that know all of them but the swapped ones."""
    root = tmp_path_factory.mktemp("drawn")
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 4, 4, 3), dtype=np.uint8)
    shown = []
    for synset, blocks in zip(synsets(), pixels, strict=True):
        (root / "set" / synset).mkdir(parents=True)
        path = root / "set" / synset / "one.JPEG"
        Image.fromarray(blocks).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(path)
        with Image.open(path) as picture:
            shown.append(np.asarray(picture.convert("RGB")))
    images = (torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    torch.manual_seed(0)
    model = timm.create_model(MODEL).eval()
    with torch.no_grad():
        raw = model.forward_head(model.forward_features(images), pre_logits=True)
        scale = 1 / raw.std()
        answers = torch.arange(1000)
        answers[:SWAPPED] = answers[:SWAPPED].roll(1)
        model.fc.weight[answers] = raw * scale
        model.fc.bias[answers] = -(raw**2).sum(1) * scale / 2
        best = model(images).topk(2)
    assert (best.indices[:, 0] == answers).all()
    assert (best.values[:, 0] - best.values[:, 1]).min() > 1e-4  # more than what rounding does
    torch.save(model.state_dict(), root / "toy.pth")
    return root


@pytest.fixture
def project(toy, drawn, tmp_path, monkeypatch):
    """A project with a claim that holds and one that is far off; everything is fetched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    toy.edit("claims.yaml", "[toy_counts]", "[toy_counts]\nartifacts: own.yaml")
    (toy.root / "own.yaml").write_text(CATALOGUE)
    (toy.root / "claims" / "toyaccuracy.yaml").write_text(
        claims(holds=("82.0", SEEN), far_off=("60.0", {**SEEN, "crop_mode": "squash"}))
    )
    assert toy.verify("fetch", data.WEIGHTS, "--from", str(drawn / "toy.pth")).code == 0
    assert toy.verify("fetch", data.DATA, "--from", str(drawn / "set")).code == 0
    return toy


def accuracies(project, transform=dict):
    """List what was measured with transforms that claims write out, or with timm's own."""
    bodies = [event.body for event in project.events("measured")]
    accuracy = [body for body in bodies if body["reproduction"] == "top1_accuracy"]
    return [body for body in accuracy if isinstance(body["params"]["transform"], transform)]


def run(project, *options):
    return project.verify("run", "toynotes.top1_accuracy.*", *options)


def test_from_a_catalogue_and_pictures_to_a_published_verdict(project):
    assert run(project).code == 0
    assert project.verdicts()["toynotes.top1_accuracy.holds"] == "pass"
    assert project.verdicts()["toynotes.top1_accuracy.far_off"] == "fail"
    holds, far_off = accuracies(project)
    # What timm says of the model is measured beside: another crop alone is no mistake.
    (trained,) = accuracies(project, str)
    assert trained["params"]["transform"] == "trained"
    assert trained["measurement"]["facts"]["transform"]["mean"] == SEEN["mean"]
    assert project.claims()["toynotes.top1_accuracy.holds"]["agreement"] == "as_printed"
    assert holds["measurement"]["values"]["top1"]["value"] == 82.0
    assert holds["measurement"]["evidence"]["correct_of_seen"]["top1"] == 820
    assert holds["measurement"]["facts"]["complete"] is True
    # What lies far off is known to do so long before the last picture.
    assert far_off["measurement"]["facts"]["complete"] is False
    assert far_off["measurement"]["facts"]["seen"] < 400
    found = far_off["measurement"]["values"]["top1"]
    assert found["low"] <= 82 <= found["high"]
    assert found["level"] == 0.01
    shown = project.verify("show", "toynotes.top1_accuracy.far_off").out
    assert re.search(r"measured   8\d\.\d+ \[", shown)
    assert project.verify("publish", "tables").code == 0
    findings = (project.root / "results" / "findings.md").read_text()
    assert "toynotes.top1_accuracy.far_off" in findings
    # Nothing is left to do, and nothing is done.
    before = project.files()
    assert run(project).code == 0
    assert project.files() == before


def test_full_goes_to_the_end_and_takes_the_place_of_what_stopped_early(project):
    run(project)
    plan = run(project, "--full", "--dry-run", "--json").json["jobs"]
    assert [job["because"] for job in plan] == ["it stopped early", "it stopped early"]
    assert run(project, "--full").code == 0
    last = accuracies(project)[-1]["measurement"]
    assert (last["facts"]["seen"], last["values"]["top1"]["low"]) == (1000, 82.0)
    assert [event.type for event in project.events()].count("superseded") == 2
    assert run(project, "--full", "--dry-run", "--json").json["jobs"] == []
    # A part that is measured later takes nothing away from the whole.
    assert run(project, "--fresh").code == 0
    assert accuracies(project)[-1]["measurement"]["facts"]["complete"] is False
    shown = project.claims()["toynotes.top1_accuracy.far_off"]
    assert (shown["measured"]["low"], shown["measured"]["high"]) == (82.0, 82.0)


def test_what_stopped_early_goes_on_when_a_claim_wants_it(project):
    run(project)
    (project.root / "claims" / "toyaccuracy.yaml").write_text(
        claims(holds=("82.0", SEEN), far_off=("82.0", {**SEEN, "crop_mode": "squash"}))
    )
    assert run(project).code == 0
    assert project.verdicts()["toynotes.top1_accuracy.far_off"] == "pass"
    assert [body["because"] for body in accuracies(project)] == [
        "missing",
        "missing",
        "it stopped early",
    ]


def test_a_broken_transform_moves_the_number(project):
    (project.root / "claims" / "toyaccuracy.yaml").write_text(claims(wrong=("82.0", WRONG)))
    run(project)
    assert project.verdicts()["toynotes.top1_accuracy.wrong"] == "fail"
    (found,) = accuracies(project)
    assert found["measurement"]["values"]["top1"]["high"] < 40


def test_permuted_classes_move_the_number(project, drawn, tmp_path):
    state = torch.load(drawn / "toy.pth", weights_only=True)
    order = torch.randperm(1000, generator=torch.manual_seed(1))
    state |= {name: state[name][order] for name in ("fc.weight", "fc.bias")}
    torch.save(state, tmp_path / "other.pth")
    for pin in (tmp_path / "home").rglob("pins/*.json"):
        pin.unlink()
    assert project.verify("fetch", data.WEIGHTS, "--from", str(tmp_path / "other.pth")).code == 0
    run(project)
    assert project.verdicts()["toynotes.top1_accuracy.holds"] == "fail"


def test_without_pictures_the_claim_is_blocked_and_says_what_to_fetch(project, tmp_path):
    for record in (tmp_path / "home").rglob("records/data-*.json"):
        record.unlink()
    assert run(project).code == 0
    shown = project.claims()["toynotes.top1_accuracy.holds"]
    assert shown["verdict"] == "blocked"
    assert "wants the data set toyset" in shown["detail"]
    assert "`verify fetch toyset --from FILE`" in shown["detail"]
    doctor = project.verify("doctor").out
    assert "want a data set: the data set toyset (toy pictures) (2)" in doctor
