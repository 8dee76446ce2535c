"""The catalogue: what is in it, held to the registries it speaks of, and what it refuses."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import timm
import yaml

from reproductions import artifacts as module
from reproductions.artifacts import (
    CATALOGUE,
    CatalogueFile,
    artifact,
    artifacts,
    declare_artifacts,
    matching,
    read_catalogue,
    serving,
    short,
    use_catalogue,
)
from reproductions.errors import NotMeasurableError, ReproductionError
from reproductions.model_names import supplier_of
from reproductions.timm_weights import timm_address
from vig_models import list_models
from vig_models.pretrained import WEIGHTS

OWN = """
schema: 1
artifacts:
  weights/mine:
    what: mine
    url: https://example.org/mine.pth
    license: MIT
    serves: [vig_s]
    layout: checkpoint
"""


@pytest.fixture(autouse=True)
def forget():
    yield
    use_catalogue(None)


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def of_timm():
    return [name for name, entry in artifacts().items() if entry.timm is not None]


def test_the_addresses_of_our_models_are_those_the_package_gives():
    catalogued = {
        entry.serves[0]: entry.url
        for entry in artifacts().values()
        if entry.url is not None and entry.layout == "checkpoint"
    }
    assert {model: catalogued[model] for model in WEIGHTS} == WEIGHTS


def test_every_model_of_ours_has_weights_or_is_said_to_have_none():
    unpublished = read_catalogue(CATALOGUE).unpublished
    assert set(unpublished) == {model for model in list_models() if not serving(model)}


def test_every_model_served_exists():
    for name, entry in artifacts().items():
        if entry.layout == "checkpoint":
            assert all(supplier_of(model) for model in entry.serves), name


@pytest.mark.parametrize("name", of_timm())
def test_timm_has_the_weights_under_the_license_we_name(name):
    entry = artifact(name)
    config = timm.get_pretrained_cfg(entry.timm)
    assert name == f"weights/timm/{entry.timm}"
    assert entry.serves == (entry.timm.partition(".")[0],)
    assert entry.license == config.license
    assert config.num_classes == 1000


def test_the_address_of_weights_of_timm_is_asked_of_timm(monkeypatch):
    hub = "https://huggingface.co/timm"
    assert timm_address("levit_192.fb_dist_in1k") == (
        f"{hub}/levit_192.fb_dist_in1k/resolve/main/model.safetensors"
    )
    config = timm.get_pretrained_cfg("resnet18.tv_in1k")
    monkeypatch.setattr(config, "hf_hub_id", "timm/other@v2")
    monkeypatch.setattr(config, "hf_hub_filename", "other.bin")
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda _: config)
    assert timm_address("any") == f"{hub}/other/resolve/v2/other.bin"
    monkeypatch.setattr(config, "hf_hub_id", None)
    assert timm_address("any") == "https://download.pytorch.org/models/resnet18-f37072fd.pth"


def test_weights_that_timm_does_not_have_are_one_sentence():
    with pytest.raises(
        ReproductionError, match=r"^want weights 'resnet18\.no' in timm .*, found n"
    ):
        timm_address("resnet18.no")


def test_everything_is_held_to_a_digest_or_pinned():
    known = {name for name, entry in artifacts().items() if entry.published}
    assert "weights/vig_s" in known
    assert artifact("weights/vig_s").published == "sha256:081bb44c"
    assert artifact("data/imagenet_a").published == "md5:c3e55429088dc681f30d81f4726b6595"
    assert artifact("weights/greedyvig_s").published is None


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("weights/vig_s", ["weights/vig_s"]),
        ("vig_s", ["weights/vig_s"]),
        ("vig_*", ["weights/vig_b", "weights/vig_s", "weights/vig_ti"]),
        ("resnet18.tv_in1k", ["weights/timm/resnet18.tv_in1k"]),
        ("timm/resnet*", ["weights/timm/resnet18.tv_in1k", "weights/timm/resnet50.a1_in1k"]),
        ("data/coco_*", ["data/coco_annotations", "data/coco_val"]),
    ],
)
def test_a_user_names_an_artifact_whole_by_its_end_or_by_a_pattern(pattern, names):
    assert matching(pattern) == names


def test_a_pattern_for_everything_matches_everything():
    assert matching("*") == sorted(artifacts())


def test_the_short_name_leads_back():
    for name in artifacts():
        assert matching(short(name)) == [name]
        assert not any(fnmatchcase(character, "[*?[]") for character in name)


@pytest.mark.parametrize("given", ["clustervig_ti", "weights/clustervig_ti"])
def test_weights_that_nobody_published_are_said_to_be_none(given):
    message = (
        "wants the weights of clustervig_ti, found none: the authors of ClusterViG published no "
        "weights"
    )
    with pytest.raises(NotMeasurableError, match=f"^{message}$"):
        matching(given)
    with pytest.raises(NotMeasurableError, match=f"^{message}$"):
        artifact("weights/clustervig_ti")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("weights/vigs", "; did you mean 'weights/vig_s'?"),
        ("imagenet_vall", "; did you mean 'data/imagenet_val'?"),
        ("xyzzy", "; `verify fetch` lists all"),
    ],
)
def test_an_unknown_name_is_one_sentence_with_a_guess(given, hint):
    with pytest.raises(ReproductionError, match=f"{re.escape(hint)}$"):
        matching(given)


def test_several_weights_may_serve_one_model():
    assert serving("fastvit_sa36") == (
        "weights/timm/fastvit_sa36.apple_in1k",
        "weights/timm/fastvit_sa36.apple_dist_in1k",
    )
    assert serving("vig_s") == ("weights/vig_s",)
    assert serving("clustervig_ti") == ()


# -- a project's own --------------------------------------------------------------------


def test_a_project_adds_its_own(own):
    declare_artifacts(own)
    assert artifact("weights/mine").what == "mine"
    assert serving("vig_s") == ("weights/vig_s", "weights/mine")
    declare_artifacts(own)  # as often as one likes
    use_catalogue(None)
    with pytest.raises(ReproductionError, match="no artifact 'weights/mine'"):
        artifact("weights/mine")


def test_a_project_may_not_take_a_name(own, tmp_path):
    taking = tmp_path / "taking.yaml"
    taking.write_text(OWN.replace("mine:", "vig_s:"))
    with pytest.raises(
        ReproductionError, match=r"want names of its own, got 'weights/vig_s', whic"
    ):
        declare_artifacts(taking)
    again = tmp_path / "again.yaml"
    again.write_text(OWN)
    declare_artifacts(own)
    with pytest.raises(
        ReproductionError, match=r"want names of its own, got 'weights/mine', which"
    ):
        declare_artifacts(again)


CHANGES = {
    "two sources": (
        {"timm": "resnet18.tv_in1k"},
        "exactly one of url, timm and login, got url and",
    ),
    "no source": ({"url": None}, "want exactly one of url, timm and login, got none"),
    "other scheme": ({"url": "file:///etc/passwd"}, "pattern"),
    "no host": ({"url": "https:///x"}, "pattern"),
    "short digest": ({"sha256": "0123456"}, "pattern"),
    "capital digest": ({"sha256": "0123456A"}, "pattern"),
    "long digest": ({"sha256": "0" * 65}, "pattern"),
    "md5 cut": ({"md5": "0" * 31}, "pattern"),
    "no bytes": ({"size": 0}, "greater than 0"),
    "text for size": ({"size": "10"}, "valid integer"),
    "serves nobody": ({"serves": []}, "at least 1"),
    "unknown key": ({"sie": 3}, "Extra inputs"),
    "other layout": (
        {"layout": "file"},
        "want layout: checkpoint for weights and for nothing else",
    ),
    "folder of no archive": ({"root": "x"}, "want root only beside layout: archive"),
    "no license": ({"license": ""}, "at least 1 character"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_an_entry_that_is_not_well_formed_is_refused(own, change, message):
    data = yaml.safe_load(OWN)
    changed = {**data["artifacts"]["weights/mine"], **change}
    data["artifacts"]["weights/mine"] = {k: v for k, v in changed.items() if v is not None}
    own.write_text(yaml.safe_dump(data))
    with pytest.raises(ReproductionError, match="want a well-formed catalogue, found: ") as caught:
        read_catalogue(own)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("digits", [8, 64])
def test_a_digest_may_be_whole_or_its_beginning(own, digits):
    own.write_text(OWN.replace("layout:", f"sha256: '{'0' * digits}'\n    layout:"))
    declare_artifacts(own)
    assert artifact("weights/mine").sha256 == "0" * digits


@pytest.mark.parametrize("root", ["../up", "/abs", "a/../../b"])
def test_a_folder_outside_its_archive_is_refused(root):
    entry = {
        "what": "x",
        "url": "https://example.org/x",
        "license": "MIT",
        "serves": ["x"],
        "layout": "archive",
        "root": root,
    }
    with pytest.raises(ValueError, match=r"root|pattern"):
        CatalogueFile.model_validate({"schema": 1, "artifacts": {"data/x": entry}})


@pytest.mark.parametrize(
    "name", ["mine", "weights", "weights/", "weights/../x", "data//x", "other/x"]
)
def test_a_name_is_of_weights_or_of_data(own, name):
    own.write_text(OWN.replace("weights/mine", name))
    with pytest.raises(ReproductionError, match="want a well-formed catalogue"):
        read_catalogue(own)


def test_a_file_that_is_not_there_or_no_yaml_is_one_sentence(tmp_path):
    with pytest.raises(
        ReproductionError, match="want a readable catalogue of artifacts, found: No"
    ):
        read_catalogue(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(ReproductionError, match="want a well-formed catalogue, found: "):
        read_catalogue(broken)


def test_the_catalogue_is_shipped_with_the_package():
    assert Path(module.__file__).with_name("artifacts.yaml") == CATALOGUE
    assert CATALOGUE.is_file()
