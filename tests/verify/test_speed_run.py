"""A session of timings through the command line: claims to verdicts, in real processes."""

import json
import subprocess
import sys

import pytest

MODULE = '''
"""Toy speed: milliseconds out of a table, whatever the machine."""
import os
import signal
from pathlib import Path

from reproductions.contract import Convention, Params, Spec, declare, reproduction
from reproductions.pooling import of_process, pool_throughput

LATENCY_MS = {"old": 10.0, "new": 5.0, "killed": 10.0}


class ToySpeedParams(Params):
    model: str
    batch: int

    def subject(self):
        return self.model


declare(
    Spec(
        name="toy_speed",
        module="toy_speed",
        params=ToySpeedParams,
        unit="images/s",
        conventions=(Convention(name="throughput", counts="images a second"),),
        better="higher",
        protocol=1,
        cost_s=1,
        time_limit_s=60,
        memory_limit_gib=4,
        tolerance=("5", "percent"),
        processes=5,
        pool=pool_throughput,
    )
)


@reproduction
def toy_speed(params, device):
    with (Path(__file__).parent / "runs.log").open("a") as log:
        log.write(f"{os.getpid()} {params.model}\\n")
    if params.model == "broken":
        raise RuntimeError("device lost")
    so_far = (Path(__file__).parent / "runs.log").read_text().split().count("killed")
    if params.model == "killed" and so_far == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    # A slower machine in some processes: it cancels where they are compared round by round.
    slowed = 1 + os.getpid() % 7 / 10_000
    setting = {"device": "toy", "kernel": "none"}
    return of_process(params.batch, LATENCY_MS[params.model] * slowed, setting, {})
'''
INDEX = """
schema: 1
reproductions: [toy_speed]
sources:
  toyvig: {title: ToyViG, file: toyvig.txt, sha256: "%s"}
""" % ("0" * 64)
CLAIMS = """
source: toyvig
tables:
  - table: {table: "6", column: "b = 8"}
    title: Speed
    statement: "{row} handles {printed} images a second."
    reproduction: toy_speed
    params: {batch: 8}
    over: {"New": "Old"}
    expect: {kind: value, unit: images/s}
    rows:
      "Old": {printed: "800.0", model: old}
      "New": {printed: "1600.0", model: new}
      "Broken": {printed: "1.0", model: broken}
      "Killed": {printed: "800.0", model: killed}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims.yaml").write_text(INDEX)
    (tmp_path / "claims" / "toyvig.yaml").write_text(CLAIMS)
    (tmp_path / "toy_speed.py").write_text(MODULE)
    return tmp_path


def verify(project, *arguments):
    command = [sys.executable, "-m", "verify", *arguments, "--project", str(project)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def runs(project):
    return [line.split() for line in (project / "runs.log").read_text().splitlines()]


def test_a_session_runs_in_fresh_processes_and_ends_in_verdicts(project):
    done = verify(project, "all", "--json")
    assert done.returncode == 3, done.stderr  # the broken one is an error
    found = {claim["id"]: claim for claim in json.loads(done.stdout)["claims"]}
    ratio = found["toyvig.toy_speed.new.over_old"]
    assert (ratio["verdict"], ratio["measured"]["value"]) == ("pass", pytest.approx(2, rel=1e-3))

    broken = found["toyvig.toy_speed.broken"]
    assert (broken["verdict"], broken["reason"]) == ("error", "measurement_error")
    by_process = {}
    for process, model in runs(project):
        by_process.setdefault(process, []).append(model)
    together = [models for models in by_process.values() if {"old", "new"} <= set(models)]
    assert len(together) >= 4  # one round goes on in a new process behind the broken model
    assert sum(model == "old" for _, model in runs(project)) == 10  # five, and once more in each

    before = len(runs(project))
    again = verify(project, "run", "toyvig.toy_speed.new.over_old")
    assert again.returncode == 0, again.stderr
    assert len(runs(project)) == before  # nothing finished is run twice


def test_a_timing_is_no_difference_for_check(project):
    verify(project, "run", "toyvig.toy_speed.new")
    before = len(runs(project))
    verify(project, "all", "--check", "--fresh")
    assert [model for _, model in runs(project)[before:]] == []


def test_a_worker_killed_within_a_session_costs_its_own_measurement_alone(project):
    names = ("toyvig.toy_speed.new", "toyvig.toy_speed.killed")
    done = verify(project, "run", *names, "--json")
    assert done.returncode == 3, done.stderr
    found = {claim["id"]: claim for claim in json.loads(done.stdout)["claims"]}
    assert [found[name]["verdict"] for name in names] == ["pass", "error"]
    assert "killed by signal 9" in found[names[1]]["detail"]
    assert sum(model == "killed" for _, model in runs(project)) == 3  # and no word from two rounds

    before = len(runs(project))
    again = verify(project, "run", *names, "--json")
    assert again.returncode == 0, again.stderr
    found = {claim["id"]: claim for claim in json.loads(again.stdout)["claims"]}
    assert [found[name]["verdict"] for name in names] == ["pass", "pass"]
    models = [model for _, model in runs(project)[before:]]
    assert models == ["killed"] * 10  # all rounds anew, once more in each; the other stands
