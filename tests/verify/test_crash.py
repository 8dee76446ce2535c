"""Kill anything at any moment, start again: nothing finished is run twice, nothing is lost."""

import os
import signal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured


def resumed(toy, undisturbed):
    """Run again after a death and check that all is as if nothing had happened."""
    before = toy.measured() if list(toy.root.glob("results/*/ledger.jsonl")) else []
    starts = len(toy.log())
    assert toy.verify("all").code == 0
    assert toy.verify("ledger", "check").code == 0
    assert toy.log()[starts:] == [model for model in harness.MODELS if model not in before]
    assert toy.once()
    assert toy.claims() == undisturbed.claims()
    last = {event.body["claim"]: event.body["verdict"]["verdict"] for event in toy.events("judged")}
    assert last == undisturbed.verdicts()
    still = toy.bytes()
    assert toy.verify("all").code == 0
    assert toy.bytes() == still


@pytest.mark.parametrize(
    ("kind", "number", "when"),
    [
        ("run_started", 1, "before"),
        ("run_started", 1, "midway"),
        ("run_started", 1, "after"),
        ("measured", 1, "before"),
        ("measured", 3, "before"),
        ("measured", 3, "midway"),
        ("measured", 3, "after"),
        ("measured", 5, "after"),
        ("judged", 1, "before"),
        ("judged", 5, "midway"),
        ("judged", 5, "after"),
        ("run_finished", 1, "before"),
        ("run_finished", 1, "midway"),
        ("run_finished", 1, "after"),
    ],
)
def test_a_run_killed_at_an_event_is_resumed(toy, measured, kind, number, when):
    ended = toy.process(kind, str(number), when, "all", code=harness.DYING)
    assert ended.code == -signal.SIGKILL
    for pid in toy.pids():
        harness.wait_until(lambda pid=pid: harness.gone(pid), "the worker is gone")
    resumed(toy, measured)


def test_a_run_killed_in_the_middle_of_a_measurement_is_resumed_and_leaves_no_worker(toy, measured):
    toy.hold("toyvig_s")
    process = toy.start("all")
    harness.wait_until(lambda: "toyvig_s" in toy.log(), "the third measurement has begun")
    # What is finished is on disk while the next one is still being measured.
    assert [event.type for event in toy.events()] == ["run_started", "measured", "measured"]
    process.kill()
    harness.finished(process)
    (worker,) = toy.pids()
    harness.wait_until(lambda: harness.gone(worker), "the worker is gone")
    toy.trouble()
    resumed(toy, measured)


def test_a_worker_killed_in_the_middle_of_a_measurement_is_an_error_and_the_run_goes_on(
    toy, measured
):
    toy.hold("toyvig_s")
    process = toy.start("all")
    harness.wait_until(lambda: "toyvig_s" in toy.log(), "the third measurement has begun")
    os.kill(toy.pids()[0], signal.SIGKILL)
    assert harness.finished(process).code == 3
    event = toy.events("measured")[2]
    assert event.body["exception"] == "WorkerEnded"
    assert "killed by signal 9" in event.body["reason"]
    assert toy.measured() == list(harness.MODELS)
    toy.trouble()
    assert toy.verify("all").code == 0
    assert toy.log() == [*harness.MODELS, "toyvig_s"]
    assert toy.claims() == measured.claims()


def test_an_interrupted_run_judges_what_it_has_closes_its_run_and_is_resumed(toy, measured):
    toy.hold("toyvig_s")
    process = toy.start("all")
    harness.wait_until(lambda: "toyvig_s" in toy.log(), "the third measurement has begun")
    process.send_signal(signal.SIGINT)
    ended = harness.finished(process)
    assert ended.code == 130
    assert "Traceback" not in ended.err
    closed = toy.events()[-1]
    assert (closed.type, closed.body["interrupted"], closed.body["measured"]) == (
        "run_finished",
        True,
        2,
    )
    assert toy.verdicts()["toyvig.toy_count.toyvig_ti"] == "pass"
    assert toy.verdicts()["toyvig.toy_count.toyvig_s"] == "blocked"
    assert all(harness.gone(pid) for pid in toy.pids())
    toy.trouble()
    resumed(toy, measured)


def test_ctrl_c_at_a_terminal_reaches_the_parent_alone(toy):
    toy.hold("toyvig_s")
    process = toy.start("all", start_new_session=True)
    harness.wait_until(lambda: "toyvig_s" in toy.log(), "the third measurement has begun")
    os.killpg(process.pid, signal.SIGINT)
    assert harness.finished(process).code == 130
    assert "error" not in {event.body["outcome"] for event in toy.events("measured")}


@pytest.mark.parametrize("room", [500, 4000, 9000])
def test_a_disk_that_fills_up_ends_the_run_in_one_sentence_and_loses_nothing(toy, measured, room):
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        "from verify import cli\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    ended = toy.process("all", code=code)
    assert ended.code == 2
    *progress, sentence = ended.err.splitlines()
    assert sentence.startswith("verify: ")
    assert "free space and run again" in sentence
    assert toy.verify("ledger", "check").code == 0
    assert len(toy.log()) <= len(toy.events()), "measured before the run was on disk"
    assert len(progress) == len(toy.measured())
    resumed(toy, measured)
