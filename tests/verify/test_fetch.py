"""``verify fetch`` and a project's own weights, from its catalogue to a verdict."""

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

from reproductions.artifacts import artifacts
from reproductions.contract import REGISTRY, SPECS
from verify.arrivals import size_words
from verify.cli import main
from verify.fetch import wants
from verify.planned import FreeParams


def _load(name, path):
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


harness = _load("harness", Path(__file__).parent / "toyproject" / "harness.py")
host = _load("file_server", Path(__file__).parents[1] / "file_server.py")
clean, toy = harness.clean, harness.toy
server, cache_home = host.server, host.cache_home


def _checkpoint(size):
    """Save weights as torch did before it wrote zips, followed by what it does not read."""
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(1)}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue().ljust(size, b"\0")


WEIGHTS = _checkpoint(10_242)
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
ID = "toynotes.toy_accuracy.toyvig_s"

REPRODUCTION = '''
"""A toy accuracy: how many bytes the weights have, in thousands, and what is known of them."""

from reproductions.artifact_cache import evidence, locate
from reproductions.contract import Convention, Measurement, Params, Quantity, Spec, declare
from reproductions.contract import reproduction


class ToyAccuracyParams(Params):
    model: str
    dataset: str

    def subject(self):
        return self.model

    def artifacts(self):
        return (f"weights/{self.model}",)


declare(Spec(
    name="toy_accuracy", module="toy_accuracy", params=ToyAccuracyParams, unit="percent",
    conventions=(Convention(name="top1", counts="bytes"),), better="higher", protocol=1,
    cost_s=0.01, time_limit_s=60, memory_limit_gib=4,
))


@reproduction
def toy_accuracy(params, device):
    name = f"weights/{params.model}"
    size = Quantity.exact(locate(name).stat().st_size / 1000, "percent")
    return Measurement(values={"top1": size}, evidence={"weights": evidence(name)})
'''
CLAIM = f"""
source: toynotes
claims:
  - id: {ID}
    statement: It reaches 10.2 %.
    found_at: [{{section: "1", printed: "10.2"}}]
    reproduction: toy_accuracy
    params: {{model: toyvig_s, dataset: imagenet-toy}}
    expect: {{kind: value, printed: "10.2", unit: percent}}
"""


def packed():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("toyset/a.jpg")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"one"))
    return buffer.getvalue()


@pytest.fixture
def project(toy, server, cache_home):
    """A toy project with weights and a data set of its own."""
    toy.edit("claims.yaml", "[toy_counts]", "[toy_counts, toy_accuracy]\nartifacts: own.yaml")
    (toy.root / "toy_accuracy.py").write_text(REPRODUCTION)
    (toy.root / "claims" / "toyaccuracy.yaml").write_text(CLAIM)
    (toy.root / "own.yaml").write_text(
        "schema: 1\nartifacts:\n"
        "  weights/toyvig_s:\n    what: ToyViG-S\n"
        f"    url: {server.put('/s.pth', WEIGHTS)}\n"
        f'    sha256: "{SHA256[:8]}"\n'
        "    license: MIT\n    serves: [toyvig_s]\n    layout: checkpoint\n"
        "  weights/toyvig_b:\n    what: ToyViG-B\n"
        f"    url: {server.put('/b.pth', WEIGHTS + b'b')}\n"
        "    license: MIT\n    serves: [toyvig_b]\n    layout: checkpoint\n"
        "  data/toyset:\n    what: pictures\n"
        "    login: sign in at example.org and take toyset.tar\n"
        "    license: for research\n    serves: [imagenet-toy]\n    layout: archive\n"
        "    root: toyset\n"
        "unpublished:\n  toyvig_l: its authors published none\n"
    )
    yield toy
    for known in (SPECS, REGISTRY):
        known.pop("toy_accuracy", None)
    sys.modules.pop("toy_accuracy", None)


def verify(project, *arguments):
    for known in (SPECS, REGISTRY):
        known.pop("toy_accuracy", None)
    sys.modules.pop("toy_accuracy", None)
    return project.verify(*arguments)


def refused(result):
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("verify: ")
    assert "Traceback" not in result.err
    return result.err.splitlines()[-1].removeprefix("verify: ")


# -- listing ----------------------------------------------------------------------------


def test_without_names_everything_is_listed(project, server):
    result = verify(project, "fetch")
    assert result.code == 0
    lines = [line.split("\t") for line in result.out.splitlines()[:-1]]
    assert [line[0] for line in lines] == list(artifacts())
    assert ["data/imagenet_val", "sign in, then --from FILE", "6.74 GB"] in [x[:3] for x in lines]
    own = lines[-3:]
    address = f"127.0.0.1:{server.port}"
    assert own[0] == ["weights/toyvig_s", address, "size unknown", "MIT", "1", "not fetched"]
    assert own[1] == ["weights/toyvig_b", address, "size unknown", "MIT", "0", "not fetched"]
    assert own[2][4:] == ["0", "not fetched"]  # the reproduction does not name it
    assert server.asked == []


def test_the_list_says_what_is_there_and_whether_it_is_whole(project, cache_home):
    verify(project, "fetch", "toyvig_s", "toyvig_b")
    listed = {row["name"]: row for row in verify(project, "fetch", "--json").json["artifacts"]}
    small, big = listed["weights/toyvig_s"], listed["weights/toyvig_b"]
    assert (small["state"], small["trust"], small["size"]) == ("fetched", "published", len(WEIGHTS))
    assert (big["state"], big["trust"]) == ("fetched", "first use")
    (cache_home / "vig-verify/objects" / SHA256).write_bytes(b"changed")
    text = verify(project, "fetch").out
    assert re.search(r"weights/toyvig_s\t.*damaged: found a copy that has changed \(SHA-256", text)
    assert "fetched (trusted on first use)" in text


def test_the_list_is_for_programs_too(project, cache_home):
    listed = verify(project, "fetch", "--json").json
    assert listed["cache"] == str(cache_home / "vig-verify")
    assert set(listed["artifacts"][0]) == {
        "name",
        "what",
        "state",
        "size",
        "license",
        "source",
        "trust",
        "claims",
        "sign_in",
    }


@pytest.mark.parametrize(
    ("name", "params", "wanted"),
    [
        ("weights/vig_s", {"model": "vig_s", "dataset": "imagenet-1k-val"}, True),
        ("weights/vig_s", {"model": "vig_s", "dataset": "imagenet-a"}, True),
        ("weights/vig_s", {"model": "vig_s", "dataset": "coco-2017-val"}, False),
        ("weights/vig_s", {"model": "vig_s"}, False),
        ("weights/vig_s", {"model": "vig_b", "dataset": "imagenet-1k-val"}, False),
        ("data/imagenet_a", {"model": "vig_s", "dataset": "imagenet-a"}, True),
        ("data/imagenet_a", {"model": "vig_s", "dataset": "imagenet-1k-val"}, False),
    ],
)
def test_a_measurement_wants_the_weights_of_its_model_and_its_images(name, params, wanted):
    assert wants(name, artifacts()[name], FreeParams(**params)) == wanted


def test_a_measurement_that_says_what_it_reads_is_believed():
    class Told(FreeParams):
        def artifacts(self):
            return ("weights/vig_b", "data/imagenet_a")

    given = Told(model="vig_s", dataset="imagenet-1k-val")
    found = [name for name, entry in artifacts().items() if wants(name, entry, given)]
    assert found == ["weights/vig_b", "data/imagenet_a"]


def test_outside_of_any_project_the_tools_own_artifacts_are_listed(
    cache_home, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("verify.root.__file__", str(tmp_path / "verify" / "root.py"))
    assert main(["fetch"]) == 0
    lines = capsys.readouterr().out.splitlines()[:-1]
    assert [line.partition("\t")[0] for line in lines] == list(artifacts())
    assert main(["fetch", "--project", str(tmp_path)]) == 2
    assert "want a folder with claims.yaml" in capsys.readouterr().err


# -- fetching ---------------------------------------------------------------------------


def test_an_artifact_is_fetched_checked_and_said_where(project, cache_home, server):
    result = verify(project, "fetch", "toyvig_s")
    place = cache_home / "vig-verify/objects" / SHA256
    assert (result.code, result.err) == (0, "weights/toyvig_s: 10.2 kB\n")
    assert result.out == (
        f"weights/toyvig_s: 10.2 kB, SHA-256 {SHA256[:16]}... as published; the whole of it is "
        f"pinned now, {place}\n"
    )
    assert place.read_bytes() == WEIGHTS
    again = verify(project, "fetch", "weights/toyvig_s")
    assert again.out == f"weights/toyvig_s: fetched already, {place}\n"
    assert len(server.asked) == 1


def test_what_nobody_vouches_for_is_said_to_be_trusted_on_first_use(project):
    out = verify(project, "fetch", "toyvig_b").out
    assert "... trusted on first use; the whole of it is pinned now, " in out


def test_programs_read_evidence_and_places(project, cache_home):
    result = verify(project, "fetch", "toyvig_s", "--json").json
    assert result["failed"] == []
    [got] = result["fetched"]
    assert (got["name"], got["sha256"], got["trust"]) == ("weights/toyvig_s", SHA256, "published")
    assert (got["new"], got["pinned"]) == (True, True)
    assert Path(got["path"]).read_bytes() == WEIGHTS


def test_a_pattern_fetches_several(project):
    out = verify(project, "fetch", "toyvig_*").out
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        "weights/toyvig_b",
        "weights/toyvig_s",
    ]


def test_one_that_cannot_be_had_does_not_keep_back_the_others(project, server):
    server.script("/b.pth", host.status(404))
    result = verify(project, "fetch", "toyvig_b", "toyvig_s")
    assert "answers 404 Not Found" in refused(result)
    assert result.out.startswith("weights/toyvig_s: ")
    again = verify(project, "fetch", "toyvig_b", "toyset", "--json")
    assert [got["name"] for got in again.json["fetched"]] == ["weights/toyvig_b"]
    [failed] = again.json["failed"]
    assert failed["name"] == "data/toyset"
    assert "sign in at example.org" in failed["reason"]
    assert again.code == 2


def test_a_wrong_file_is_one_sentence_and_leaves_nothing(project, server, cache_home):
    server.put("/s.pth", WEIGHTS + b"!")
    message = refused(verify(project, "fetch", "toyvig_s"))
    assert message.startswith(f"weights/toyvig_s: want the SHA-256 published, {SHA256[:8]}..., got")
    left = [path for path in cache_home.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == []


def test_a_dry_run_says_what_it_would_do_and_asks_nobody(project, server, cache_home, tmp_path):
    result = verify(project, "fetch", "toy*", "--dry-run")
    address = f"127.0.0.1:{server.port}"
    assert result.out.splitlines() == [
        "data/toyset: would not fetch it; sign in at example.org and take toyset.tar",
        f"weights/toyvig_b: would fetch it from {address} (size unknown, license: MIT)",
        f"weights/toyvig_s: would fetch it from {address} (size unknown, license: MIT)",
    ]
    taken = verify(project, "fetch", "toyset", "--dry-run", "--from", "x.tar")
    assert taken.out == "data/toyset: would take x.tar\n"
    planned = verify(project, "fetch", "toyvig_s", "--dry-run", "--json").json["would_fetch"]
    assert [row["name"] for row in planned] == ["weights/toyvig_s"]
    assert server.asked == []
    assert not cache_home.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toyvigs", "no artifact 'weights/toyvigs'; did you mean 'weights/toyvig_s'?"),
        ("xyzzy", "no artifact 'weights/xyzzy'; `verify fetch` lists all"),
        ("toyvig_l", "wants the weights of toyvig_l, found none: its authors published none"),
        (
            "clustervig_ti",
            "wants the weights of clustervig_ti, found none: the authors of ClusterViG published "
            "no weights",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_one_sentence(project, name, message):
    result = verify(project, "fetch", "toyvig_s", name)
    assert refused(result) == message
    assert result.out == ""


def test_a_file_the_user_has_is_taken(project, tmp_path, server):
    given = tmp_path / "toyset.tar"
    given.write_bytes(packed())
    result = verify(project, "fetch", "toyset", "--from", str(given))
    assert result.code == 0
    path = Path(result.out.rstrip().rpartition(", ")[2])
    assert (path / "a.jpg").read_bytes() == b"one"
    message = refused(verify(project, "fetch", "toyvig_s", "--from", str(given)))
    assert "want the SHA-256 published" in message
    assert server.asked == []


def test_a_folder_the_user_has_is_used_where_it_is(project, tmp_path):
    (tmp_path / "val").mkdir()
    (tmp_path / "val/a.jpg").write_bytes(b"one")
    out = verify(project, "fetch", "toyset", "--from", str(tmp_path / "val")).out
    assert out == f"data/toyset: {tmp_path}/val, 1 files of 3 bytes, taken as given\n"


@pytest.mark.parametrize(("names", "number"), [([], 0), (["toyvig_*"], 2)])
def test_a_file_is_for_one_artifact(project, names, number):
    message = refused(verify(project, "fetch", *names, "--from", "x"))
    assert message == f"--from: want the name of one artifact, got {number}; name it"


def test_another_cache_is_used_and_said_how_to_be_found(project, tmp_path):
    other = tmp_path / "other"
    result = verify(project, "fetch", "toyvig_s", "--cache", str(other))
    assert (other / "vig-verify/objects" / SHA256).is_file()
    assert result.out.splitlines()[-1] == f"measurements look there with XDG_CACHE_HOME={other}"
    assert verify(project, "fetch", "toyvig_s", "--dry-run").out.startswith(
        "weights/toyvig_s: would fetch it"
    )


def test_a_cache_that_cannot_be_used_is_one_sentence(project, tmp_path):
    (tmp_path / "file").write_text("x")
    result = verify(project, "fetch", "toyvig_s", "--cache", str(tmp_path / "file"))
    assert "make room or the folder writable, or name another cache with --cache DIR" in refused(
        result
    )


def test_ctrl_c_keeps_what_came(project, server, cache_home):
    server.script("/s.pth", host.hanging(server, 5000))
    process = project.start("fetch", "toyvig_s")
    parts = cache_home / "vig-verify/parts"
    host.soon(lambda: any(p.stat().st_size == 5000 for p in parts.glob("*")), "5,000 bytes came")
    process.send_signal(signal.SIGINT)
    result = harness.finished(process)
    assert (result.code, "Traceback" in result.err) == (130, False)
    assert verify(project, "fetch", "toyvig_s").code == 0
    assert server.headers("Range") == [None, "bytes=5000-"]


# -- from a catalogue to a verdict ------------------------------------------------------


def test_a_claim_is_blocked_until_its_weights_are_fetched(project):
    blocked = verify(project, "run", ID)
    assert blocked.code == 0
    claim = verify(project, "list", ID, "--json").json["claims"][0]
    assert claim["verdict"] == "blocked"
    assert (
        "wants weights toyvig_s (ToyViG-S), found none in the cache; run `verify fetch toyvig_s`"
        in (claim["detail"])
    )
    diagnosis = verify(project, "doctor", "--json").json
    [obstacle] = [o for o in diagnosis["obstacles"] if ID in o["claims"]]
    assert (obstacle["kind"], obstacle["command"]) == ("weights", "verify fetch toyvig_s")
    assert diagnosis["machine"]["artifacts"] == 0

    assert verify(project, "fetch", "toyvig_s").code == 0
    assert verify(project, "run", ID).code == 0
    claim = verify(project, "list", ID, "--json").json["claims"][0]
    assert (claim["verdict"], claim["measured"]["value"]) == ("pass", len(WEIGHTS) / 1000)
    body = project.events("measured")[-1].body
    assert body["measurement"]["evidence"]["weights"]["sha256"] == SHA256
    assert body["measurement"]["evidence"]["weights"]["trust"] == "published"
    assert "weights and data: 1 fetched; `verify fetch` lists all" in verify(project, "doctor").out


def test_a_verdict_is_stale_once_other_weights_are_held(project, server, cache_home):
    project.edit("own.yaml", f'    sha256: "{SHA256[:8]}"\n', "")
    verify(project, "fetch", "toyvig_s")
    verify(project, "run", ID)
    digests = project.events("measured")[-1].digests
    assert digests["weights/toyvig_s"] == SHA256

    def stale():
        return verify(project, "list", ID, "--json").json["claims"][0]["stale"]

    assert not stale()
    kept = cache_home.rename(cache_home.with_name("kept"))  # a machine without the weights
    assert not stale()
    kept.rename(cache_home)
    (pin,) = (cache_home / "vig-verify/pins").iterdir()
    pin.unlink()
    (cache_home / "vig-verify/objects" / SHA256).unlink()
    server.put("/s.pth", WEIGHTS + bytes(1000))
    assert verify(project, "fetch", "toyvig_s").code == 0
    assert stale()
    diagnosis = verify(project, "doctor", "--json").json
    assert "changed since: weights/toyvig_s" in [o["what"] for o in diagnosis["obstacles"]]
    verify(project, "run", ID)
    assert not stale()


@pytest.mark.parametrize("published", [True, False], ids=["published", "first_use"])
def test_an_explanation_says_how_the_weights_are_known(project, published):
    if not published:
        project.edit("own.yaml", f'    sha256: "{SHA256[:8]}"\n', "")
    verify(project, "fetch", "toyvig_s")
    verify(project, "run", ID)
    told = "as published with it" if published else "trusted on first use: nobody published"
    found = verify(project, "show", ID).out
    assert f"read       weights/toyvig_s, SHA-256 {SHA256[:16]}..., {told}" in found


def test_a_claim_whose_only_attempt_was_in_vain_is_explained(project):
    verify(project, "run", ID)
    shown = verify(project, "show", ID)
    assert shown.code == 0
    assert "verdict    ○ blocked" in shown.out
    assert f"event {project.events('measured')[-1].seq}," in shown.out


def test_an_attempt_in_vain_is_shown_beside_the_verdict_that_stands(project, cache_home):
    verify(project, "fetch", "toyvig_s")
    verify(project, "run", ID)
    assert "since then" not in verify(project, "show", ID).out
    kept = cache_home.rename(cache_home.with_name("kept"))
    verify(project, "run", ID, "--fresh")
    event = project.events("measured")[-1]
    assert event.body["outcome"] == "blocked"
    shown = verify(project, "show", ID).out
    assert "verdict    ✓ holds" in shown
    assert (
        f"since then blocked at {event.time}, so that the older outcome stands: wants weights "
        "toyvig_s (ToyViG-S), found none in the cache"
    ) in shown
    kept.rename(cache_home)
    verify(project, "run", ID, "--fresh")
    assert "since then" not in verify(project, "show", ID).out


def test_the_command_by_hand_knows_the_catalogue(project):
    verify(project, "fetch", "toyvig_s")
    claim = verify(project, "show", ID, "--json").json
    words = claim["by_hand"].split()
    assert words[3:9] == [
        "--module",
        "toy_counts",
        "--module",
        "toy_accuracy",
        "--artifacts",
        "own.yaml",
    ]
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "reproductions",
            *words[3:10],
            json.dumps({"model": "toyvig_s", "dataset": "imagenet-toy"}),
        ],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": f"{project.root}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout)["measurement"]["values"]["top1"]["value"] == len(WEIGHTS) / 1000


# -- a project's catalogue --------------------------------------------------------------

MISTAKES = {
    "misspelled": (
        "license: MIT\n    serves: [toyvig_s]",
        "licence: MIT\n    serves: [toyvig_s]",
        7,
    ),
    "unquoted": (f'"{SHA256[:8]}"', "12345678", 6),
    "short": (f'"{SHA256[:8]}"', '"1234567"', 6),
}


@pytest.mark.parametrize(("old", "new", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_catalogue_is_told_by_file_and_line(project, old, new, line):
    project.edit("own.yaml", old, new)
    result = verify(project, "lint")
    assert result.code == 2
    assert result.err.startswith(f"verify: own.yaml:{line}: artifacts.weights/toyvig_s.")


def test_an_address_of_no_kind_is_told_in_words(project, server):
    project.edit("own.yaml", f"url: {server.url('/s.pth')}", "url: file:///etc/passwd")
    assert refused(verify(project, "lint")) == (
        "own.yaml:5: artifacts.weights/toyvig_s.url: want an address that begins with https:// or "
        "http://, got 'file:///etc/passwd'"
    )


def test_a_name_written_twice_is_refused(project):
    project.edit("own.yaml", "weights/toyvig_b:", "weights/toyvig_s:")
    assert "own.yaml:10: artifacts.weights/toyvig_s: " in refused(verify(project, "lint"))


def test_a_name_of_the_tools_own_is_refused(project):
    project.edit("own.yaml", "weights/toyvig_b:", "weights/vig_s:")
    message = refused(verify(project, "lint"))
    assert re.fullmatch(
        r"claims\.yaml:\d+: artifacts: want names of its own, got 'weights/vig_s', which another "
        r"catalogue has; rename it",
        message,
    )


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("none.yaml", "none.yaml:1: want a readable file, found: No such file or directory"),
        ("../own.yaml", "want a file of the project, got '../own.yaml'; move it there"),
        ("/own.yaml", "want a file of the project, got '/own.yaml'; move it there"),
    ],
)
def test_a_catalogue_has_to_be_there(project, file, message):
    project.edit("claims.yaml", "artifacts: own.yaml", f"artifacts: {file}")
    assert message in refused(verify(project, "lint"))


def test_an_empty_catalogue_is_told(project):
    (project.root / "own.yaml").write_text("")
    assert refused(verify(project, "lint")) == (
        "own.yaml:1: want the keys schema and artifacts, got an empty file"
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "size unknown"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (28_400_000, "28.4 MB"),
        (6_744_924_160, "6.74 GB"),
        (2 * 10**14, "200 TB"),
    ],
)
def test_sizes_in_words(size, words):
    assert size_words(size) == words
