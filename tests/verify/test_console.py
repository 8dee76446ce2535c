"""What a person sees: plain lines where nobody looks, tables and a bar on a terminal."""

import os
import pty
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
ESCAPE = "\x1b"


def on_a_terminal(toy, *arguments):
    """Run a command whose output and errors are a terminal; give all it wrote."""
    terminal, end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = toy.start(*arguments, stdout=end, stderr=end, stdin=end, env=environment)
    os.close(end)
    written = b""
    while chunk := _read(terminal):
        written += chunk
    os.close(terminal)
    assert process.wait(timeout=harness.PATIENCE_S) == 0
    return written.decode()


def _read(terminal):
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # what Linux says when the other end is closed
        return b""


def test_list_writes_four_tab_separated_columns_without_colour(measured):
    result = measured.verify("list")
    lines = result.out.splitlines()
    assert [len(line.split("\t")) for line in lines] == [4] * 11
    assert ESCAPE not in result.out
    assert (
        "toyvig.toy_count.toyvig_s\t22.3 Mparam\t22.310\t✓ holds (convention: trainable)" in lines
    )


def test_on_a_terminal_list_is_a_coloured_table_of_the_same_words(measured):
    written = on_a_terminal(measured, "list")
    assert ESCAPE in written
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written)
    assert "✓ holds (convention: trainable)" in plain
    assert plain.split()[:4] == ["claim", "printed", "measured", "verdict"]


def test_foreign_text_on_a_terminal_is_no_markup(measured):
    measured.edit("claims/toyvig.yaml", "because: fun is not measured", "because: '[red]fun[/red]'")
    measured.edit("claims/toyvig.yaml", "ToyViG is fun", "'[bold]ToyViG[/bold]' if fun")
    measured.edit(
        "claims/toyvig.yaml",
        "statement: '[bold]ToyViG[/bold]' if fun to play with.",
        "statement: '[bold]ToyViG[/bold] is fun.'",
    )
    assert "[bold]ToyViG[/bold]" in on_a_terminal(measured, "show", "toyvig.statement.fast")


def test_a_long_run_on_a_terminal_shows_a_bar_with_the_time_left(toy):
    toy.edit("toy_counts.py", "cost_s=0.01", "cost_s=5")
    written = on_a_terminal(toy, "all")
    assert "5/5" in written
    assert "toy_count of toyold_l" in written
    assert "━" in written


def test_a_short_run_on_a_terminal_shows_no_bar(toy):
    written = on_a_terminal(toy, "all")
    assert "━" not in written
    assert "[5/5] toy_count of toyold_l: ok" in written


def test_elsewhere_each_measurement_is_a_line_on_standard_error(toy):
    toy.edit("toy_counts.py", "cost_s=0.01", "cost_s=5")
    toy.trouble(toyvig_ti="raise")
    result = toy.verify("all")
    lines = result.err.splitlines()
    assert len(lines) == 5
    assert re.fullmatch(r"\[1/5\] toy_count of toymlp_ti: ok, \d+\.\d s", lines[0])
    assert lines[1] == "[2/5] toy_count of toyvig_ti: error (RuntimeError: the toy is broken)"
    assert ESCAPE not in result.out + result.err
    assert "toy_count of" not in result.out.partition("Do not hold")[0].replace("\t", "")


def test_all_ends_with_failures_findings_counts_and_the_head(toy):
    result = toy.verify("all")
    assert "Do not hold, farthest off first:\n  ✗ toyvig.toy_count.toyold_l: " in result.out
    assert "(+102 last digits, +6.80 %)" in result.out
    assert "Findings:\n  contradiction: toyvig.toy_count.toyold_l, " in result.out
    *_, counts, figures, prints, errors, head = result.out.splitlines()
    assert counts.startswith("decided 8 of 11: ")
    assert figures == "  the printed figure itself: 6 hold, 1 do not, 3 undecided"
    assert prints == "  printed numbers against printed numbers: 1 hold, 0 do not, 0 undecided"
    assert errors == "false verdicts to expect from measurement error: 0"
    assert head == f"ledger head: {toy.events()[-1].sha256}"


def test_show_explains_a_verdict_from_print_to_command(measured):
    result = measured.verify("show", "toyvig.toy_count.toyvig_s")
    text = result.out
    assert text.startswith("toyvig.toy_count.toyvig_s  (claims/toyvig.yaml:12, scope claim)\n")
    for wanted in (
        "ToyViG-S has 22.3 M parameters.",
        "printed    22.3 Mparam",
        "Table III, row ToyViG-S backbone, column Backbone (M)",
        "measured   22.310, counted: trainable",
        "verdict    ✓ holds (convention: trainable)",
        "off by     0 last digits, +0.04 %\n",
        "by default 22.460, off by +2 last digits, +0.72 %, counted: all\n",
        "accepted: 22.250 to 22.350",
        "  convolutions  20.100",
        "by hand    python -m reproductions --module toy_counts toy_count",
        "again      verify run toyvig.toy_count.toyvig_s --fresh",
    ):
        assert wanted in text
    event = measured.events("measured")[2]
    assert f"evidence   {measured.ledger.parent.name} event {event.seq}, {event.time}" in text


def test_show_names_what_explains_a_failure(measured):
    text = measured.verify("show", "toyvig.toy_count.toyold_l").out
    assert re.search(r"reproduces \w+ convolutions: 150\.000 \(unsound counter\)", text)


def test_show_calls_recomputed_what_nothing_measured(measured):
    text = measured.verify("show", "toyvig.arithmetic.toyvig_s_over_toyvig_ti").out
    assert "recomputed 3.14" in text
    assert "  recomputed: 3.14" in text
    assert "measured" not in text


def test_show_works_where_nothing_can_be_measured(measured):
    text = measured.verify("show", "toyvig.statement.fast").out
    assert "printed    words only" in text
    assert "measured   not measured" in text
    assert "because    fun is not measured" in text
    assert "by hand" not in text


def test_output_that_has_no_check_mark_still_prints(measured):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = measured.process("list", env=environment)
    assert (result.code, result.err) == (0, "")
    assert "\t? holds" in result.out


@pytest.mark.parametrize("arguments", [["list"], ["all"], ["show", "toyvig.statement.fast"]])
def test_a_reader_that_leaves_early_meets_silence(measured, arguments):
    reader, writer = os.pipe()
    os.close(reader)
    process = measured.start(*arguments, stdout=writer)
    os.close(writer)
    assert harness.finished(process).err == ""
    assert process.returncode == 141
