"""What is seen of a download: a bar where somebody looks, lines elsewhere."""

import io
import re
import sys

import pytest

from verify import terminal
from verify.arrivals import Arrivals, show_artifacts
from verify.fetch import Row

ROW = Row(
    name="weights/toy",
    what="a toy",
    state="fetched",
    size=28_400_000,
    license="MIT",
    source="example.org",
    trust="first use",
    claims=3,
    sign_in=None,
)


class Screen(io.StringIO):
    """Where somebody looks."""

    def isatty(self):
        return True


@pytest.fixture
def bars(monkeypatch):
    """Keep the bars that are made."""
    made = []

    class Bar(terminal.ByteBar):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(terminal, "ByteBar", Bar)
    return made


def stopped(bar):
    return not bar.progress.live.is_started


def test_a_terminal_has_a_bar_of_the_bytes(bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Screen())
    with Arrivals() as arrivals:
        arrivals.began("weights/toy", 10, 100)
        arrivals.advanced(60)
        [bar] = bars
        [task] = bar.progress.tasks
        assert (task.description, task.completed, task.total) == ("weights/toy", 60, 100)
        assert not stopped(bar)
    assert stopped(bar)


def test_a_note_takes_the_bar_away_and_a_new_try_brings_another(bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Screen())
    with Arrivals() as arrivals:
        arrivals.began("weights/toy", 0, None)
        arrivals.note("weights/toy: broke off; again in 1 s")
        assert stopped(bars[0])
        arrivals.advanced(5)
        arrivals.began("weights/toy", 5, 100)
        assert not stopped(bars[1])
    assert stopped(bars[1])
    assert "weights/toy: broke off; again in 1 s\n" in sys.stderr.getvalue()


def test_an_error_takes_the_bar_away(bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Screen())

    def fail():
        with Arrivals() as arrivals:
            arrivals.began("weights/toy", 0, 100)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert stopped(bars[0])


def test_elsewhere_lines_say_what_begins(capsys):
    with Arrivals() as arrivals:
        arrivals.began("weights/toy", 0, None)
        arrivals.began("weights/toy", 5, 28_400_000)
        arrivals.advanced(6)
    assert capsys.readouterr().err == (
        "weights/toy: size unknown\nweights/toy: 28.4 MB, 5 bytes of it there\n"
    )


def test_a_terminal_has_a_table(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    show_artifacts([ROW])
    plain = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    title, line = plain.splitlines()
    assert title.split() == ["artifact", "from", "size", "license", "claims", "state"]
    assert line.split() == [
        "weights/toy",
        "example.org",
        "28.4",
        "MB",
        "MIT",
        "3",
        "fetched",
        "(trusted",
        "on",
        "first",
        "use)",
    ]
