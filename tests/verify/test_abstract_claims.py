"""The page of abstracts: a heading a work, a reason a hole, and what counting settles."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from verify.load import load

ROOT = Path(__file__).parents[2]
FILE = ROOT / "claims" / "abstracts.yaml"
HEADING = re.compile(r"^  # -- (.+)$")
ID = re.compile(r"^  - id: (abstracts\.\S+)$")
WORKS = 46


@pytest.fixture(scope="module")
def claims():
    return {id_: c for id_, c in load(ROOT).claims.items() if c.source == "abstracts"}


def _by_heading():
    """Give {heading: ids written below it}, in order."""
    groups = {}
    ids = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if heading := HEADING.match(line):
            ids = groups.setdefault(heading[1], [])
        elif id_ := ID.match(line):
            ids.append(id_[1])
    return groups


def test_every_work_has_a_heading_and_its_claims_stand_below_it(claims):
    groups = _by_heading()
    assert len(groups) == WORKS
    for heading, ids in groups.items():
        assert ids, heading
        for id_ in ids:
            assert {locator.section for locator in claims[id_].found_at} == {heading}, id_


def test_no_two_holes_have_one_reason(claims):
    reasons = [claim.because for claim in claims.values() if claim.check == "none"]
    assert len(reasons) > WORKS
    assert len(set(reasons)) == len(reasons)


def test_a_study_of_a_cause_is_no_evidence_for_a_printed_figure(claims):
    for claim in claims.values():
        named = {claim.reproduction, *(getattr(one, "reproduction", None) for one in claim.inputs)}
        if any(name is not None and name.startswith("made_") for name in named):
            assert claim.scope == "mechanism", claim.id


SETTLED = {
    "abstracts.storage.light_cnn": ("inconclusive", "protocol_ambiguous"),
    "abstracts.network_size.simplenet.layers": ("pass", "equal"),
    "abstracts.network_size.simplenet.range": ("inconclusive", "convention_ambiguous"),
    "abstracts.reprogramming.resnet50": ("inconclusive", "convention_ambiguous"),
    "abstracts.communication_volume.gnnpipe.factor": ("inconclusive", "convention_ambiguous"),
    "abstracts.weight_formats.llama_3_2_1b.gptq": ("pass", "holds"),
    "abstracts.expert_overhead.lenet5": ("inconclusive", "convention_ambiguous"),
    "abstracts.arithmetic.emov2_5m.detection_gain": ("pass", "recomputes"),
    "abstracts.arithmetic.cbnet.energy_at_equal_power": ("pass", "recomputes"),
    "abstracts.memory_saved.ecotta.resnet50": ("blocked", "no_reproduction"),
    "abstracts.parameter_count.emov2_5m": ("blocked", "no_model"),
    "abstracts.statement.simplenet.operations": ("not_checkable", "no_program"),
    # Any of these would hold, or not, by a choice of ours: of networks, formats, ways to count.
    "abstracts.statement.clr.general": ("not_checkable", "no_program"),
    "abstracts.statement.gnnpipe.proportional": ("not_checkable", "no_program"),
    "abstracts.statement.llama_3_2_1b.gguf_bits": ("not_checkable", "no_program"),
    # A T4 would tell, under either reading of the sentence.
    "abstracts.time_saved.llama_3_2_1b.gptq": ("blocked", "no_reproduction"),
}


def test_counts_settle_what_an_abstract_leaves_no_doubt_about(tmp_path):
    shutil.copy(ROOT / "claims.yaml", tmp_path)
    shutil.copytree(ROOT / "claims", tmp_path / "claims")
    verify = [sys.executable, "-m", "verify"]
    where = ["--project", str(tmp_path)]
    subprocess.run([*verify, "run", *SETTLED, *where], cwd=ROOT, capture_output=True, check=True)
    listed = subprocess.run(
        [*verify, "list", *SETTLED, *where, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {
        one["id"]: (one["verdict"], one["reason"]) for one in json.loads(listed.stdout)["claims"]
    }
    assert found == SETTLED
