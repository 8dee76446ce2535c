"""The chain: what goes in comes out, and whatever else is done to the file is seen."""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify import ledger as module
from verify.digest import canonical_json, digest
from verify.errors import LedgerDamagedError, VerifyError
from verify.event import Event, read_event
from verify.ledger import Ledger, combined_head, read_ledgers
from verify.ledger_check import check

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


def add(ledger: Ledger, **body: object) -> Event:
    """Append a ``measured`` event."""
    return ledger.append("measured", body, digests={"code": "c0de"}, environment={"os": "Linux"})


def content() -> bytes:
    """Make a ledger of four events whose JSON has escapes, exponents and accents."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        for number in range(4):
            add(ledger, number=number, small=1e-07, text="\x1f\n\u00e9", far=[1.5e300, True])
        return ledger.path.read_bytes()


CONTENT = content()
LINES = CONTENT.splitlines(keepends=True)
LAST = len(CONTENT) - len(LINES[-1])


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger that holds ``CONTENT``."""
    return _with(tmp_path, CONTENT)


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """One folder for the many examples of a property."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _with(folder: Path, text: bytes) -> Ledger:
    (folder / "ledger.jsonl").write_bytes(text)
    return Ledger(folder)


def _is_seen(folder: Path, text: bytes, *, may_be_torn: bool) -> bool:
    """Tell whether a reader refuses ``text``, or passes over its torn last line if it may."""
    ledger = _with(folder, text)
    try:
        return len(ledger.events()) < 4 and ledger.torn and may_be_torn
    except LedgerDamagedError:
        return True


def _signed(**changed: object) -> bytes:
    """Forge the fifth line of ``CONTENT``: one with a sound hash of its own."""
    fields: dict[str, Any] = json.loads(LINES[-1])
    fields |= {"seq": 4, "prev": fields.pop("sha256"), **changed}
    return canonical_json({**fields, "sha256": digest(fields)}) + b"\n"


def test_an_event_comes_back_as_it_was_appended(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results" / "h200", tool="1.2")
    first = ledger.append("run_started", {"a": [1]}, digests={"d": "1"}, environment={"e": None})
    second = add(ledger, b=2)
    assert Ledger(ledger.path.parent).events() == [first, second] == ledger.events()
    assert (first.seq, first.prev, first.schema, first.tool) == (0, "0" * 64, 1, "1.2")
    assert (first.type, first.body) == ("run_started", {"a": [1]})
    assert (first.digests, first.environment) == ({"d": "1"}, {"e": None})
    assert (second.seq, second.prev) == (1, first.sha256)


def test_a_hash_is_taken_over_the_canonical_json_of_all_other_fields() -> None:
    fields = json.loads(LINES[0])
    wanted = fields.pop("sha256")
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == wanted


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON))
def test_any_json_body_comes_back_as_it_was_appended(body: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        event = Ledger(Path(folder)).append("note", body, digests={}, environment={})
        assert event.body == body
        assert Ledger(Path(folder)).events() == [event]


@pytest.mark.parametrize(
    "body",
    [{"a": math.nan}, {"a": {1, 2}}, {"a": "\ud800"}, {"a": {10: 1, 9: 2}}],
    ids=["nan", "set", "half a surrogate pair", "numbers as keys"],
)
def test_a_body_without_a_json_form_is_refused_and_nothing_written(
    ledger: Ledger, body: dict[str, Any]
) -> None:
    with pytest.raises(VerifyError, match=r"has no JSON form|cannot be written"):
        add(ledger, **body)
    assert ledger.path.read_bytes() == CONTENT
    assert add(ledger).seq == 4


def test_an_unknown_type_of_event_is_refused_and_nothing_written(ledger: Ledger) -> None:
    with pytest.raises(VerifyError, match=r"cannot be written: want a type of .*'guessed'"):
        ledger.append("guessed", {}, digests={}, environment={})  # type: ignore[arg-type]
    assert ledger.path.read_bytes() == CONTENT


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_a_flipped_bit_is_seen_wherever_it_is(scratch: Path, mask: int) -> None:
    for place, byte in enumerate(CONTENT):
        text = CONTENT[:place] + bytes([byte ^ mask]) + CONTENT[place + 1 :]
        # Without the line end before it the last line grows longer, and is no less torn.
        assert _is_seen(scratch, text, may_be_torn=place >= LAST - 1), place


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(CONTENT) - 1), st.binary(max_size=2))
def test_a_replaced_byte_is_seen_wherever_it_is(scratch: Path, place: int, new: bytes) -> None:
    text = CONTENT[:place] + new + CONTENT[place + 1 :]
    if text != CONTENT:
        assert _is_seen(scratch, text, may_be_torn=place >= LAST - 1)


@given(st.integers(0, len(LINES) - 2))
def test_a_dropped_line_is_seen(scratch: Path, dropped: int) -> None:
    lines = [line for number, line in enumerate(LINES) if number != dropped]
    assert _is_seen(scratch, b"".join(lines), may_be_torn=False)


@given(st.permutations(LINES).filter(lambda lines: lines != LINES))
def test_swapped_lines_are_seen(scratch: Path, lines: list[bytes]) -> None:
    assert _is_seen(scratch, b"".join(lines), may_be_torn=False)


@given(st.sampled_from(LINES), st.integers(0, len(LINES)))
def test_a_duplicated_line_is_seen(scratch: Path, line: bytes, place: int) -> None:
    lines = [*LINES[:place], line, *LINES[place:]]
    assert _is_seen(scratch, b"".join(lines), may_be_torn=False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param(_signed(schema=2), "want schema 1, found 2", id="schema"),
        pytest.param(_signed(seq=5), "want seq 4, found 5", id="seq"),
        pytest.param(_signed(prev="0" * 64), "want prev '.*', found '0000", id="prev"),
        pytest.param(_signed(type="guess"), "want a type of .* found 'guess'", id="type"),
        pytest.param(_signed(body=[]), "want the fields .*'body': 'list'", id="body"),
        pytest.param(_signed(seq=True), "want the fields .*'seq': 'bool'", id="bool"),
        pytest.param(_signed(more=1), "want the fields .*'more': 'int'", id="field"),
        pytest.param(b"5\n", "want one JSON object, found a int", id="number"),
        pytest.param(b'{"a":\n' + LINES[0], "want one canonical JSON object", id="no JSON"),
        pytest.param(
            _signed(body={"a": "NaN"}).replace(b'"NaN"', b"NaN"), "want one canonical", id="nan"
        ),
        pytest.param(
            _signed().replace(b",", b", "), "want what sha256 '.*' stands for", id="spaces"
        ),
        pytest.param(
            _signed().replace(b"Linux", b"linux"), "want what sha256 '.*' stands for", id="word"
        ),
    ],
)
def test_a_forged_line_is_named_and_what_to_do(tmp_path: Path, line: bytes, message: str) -> None:
    ledger = _with(tmp_path, CONTENT + line)
    with pytest.raises(LedgerDamagedError, match=f"jsonl:5: {message}.*version control"):
        ledger.events()


def test_a_sound_fifth_line_is_read(tmp_path: Path) -> None:
    assert len(_with(tmp_path, CONTENT + _signed()).events()) == 5


def test_nothing_is_appended_to_a_damaged_ledger(tmp_path: Path) -> None:
    damaged = b"".join([*LINES[1:], b"torn"])
    ledger = _with(tmp_path, damaged)
    with pytest.raises(LedgerDamagedError, match=r"ledger\.jsonl:1: want seq 0, found 1"):
        add(ledger)
    assert ledger.path.read_bytes() == damaged
    assert not list(tmp_path.glob("ledger.torn-*"))


def test_an_edit_behind_the_back_of_a_running_process_is_seen(ledger: Ledger) -> None:
    ledger.events()
    ledger.path.write_bytes(CONTENT.replace(b"Linux", b"linux"))
    os.utime(ledger.path, ns=(1, 1))
    with pytest.raises(LedgerDamagedError, match=r"ledger\.jsonl:1: "):
        add(ledger)


def test_another_file_in_the_place_of_a_known_one_is_read_whole(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.events()
    (tmp_path / "edited").write_bytes(CONTENT.replace(b"Linux", b"linux") + _signed())
    (tmp_path / "edited").replace(ledger.path)
    with pytest.raises(LedgerDamagedError, match=r"ledger\.jsonl:1: "):
        add(ledger)


def test_an_append_reads_only_what_others_added(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.events()
    other = add(Ledger(ledger.path.parent))
    read: list[bytes] = []

    def counted(line: bytes, seq: int, prev: str) -> Event:
        read.append(line)
        return read_event(line, seq, prev)

    monkeypatch.setattr(module, "read_event", counted)
    own = add(ledger)
    assert len(read) == 2
    assert [event.sha256 for event in ledger.events()[4:]] == [other.sha256, own.sha256]


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A results folder with two ledgers, an empty one and other things."""
    for machine in ("h200", "cpu-arm64"):
        add(Ledger(tmp_path / machine), machine=machine)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "ledger.jsonl").touch()
    (tmp_path / "tables").mkdir()
    (tmp_path / "README.md").touch()
    return tmp_path


def test_ledgers_are_read_by_machine_in_order_of_names(several: Path) -> None:
    ledgers = read_ledgers(several)
    assert [(name, len(events)) for name, events in ledgers.items()] == [
        ("cpu-arm64", 1),
        ("empty", 0),
        ("h200", 1),
    ]


def test_a_missing_results_folder_holds_no_ledgers(tmp_path: Path) -> None:
    assert read_ledgers(tmp_path / "none") == {}
    assert Ledger(tmp_path / "none").events() == []
    assert check(tmp_path / "none") == ["no events"]


def test_the_combined_head_of_one_ledger_is_its_last_hash(ledger: Ledger) -> None:
    events = ledger.events()
    assert combined_head({"h200": events, "empty": []}) == events[-1].sha256
    assert combined_head({"empty": []}) is None


def test_the_combined_head_of_several_ledgers_holds_every_last_hash(several: Path) -> None:
    ledgers = read_ledgers(several)
    heads = {name: events[-1].sha256 for name, events in ledgers.items() if events}
    assert combined_head(ledgers) == digest(heads)


def test_check_lists_every_ledger_and_the_head(several: Path) -> None:
    (several / "empty" / "ledger.jsonl").unlink()
    ledgers = read_ledgers(several)
    head = combined_head(ledgers)
    assert head is not None
    lines = check(several, head[:12].upper())
    assert lines[0] == f"cpu-arm64: 1 events, head {ledgers['cpu-arm64'][0].sha256}"
    assert lines[-1] == f"combined head {head}"
    assert len(lines) == 3


def test_check_refuses_a_ledger_that_was_emptied(several: Path) -> None:
    wanted = r"empty/ledger\.jsonl: want events, found an empty file; restore it"
    with pytest.raises(LedgerDamagedError, match=wanted):
        check(several)


@pytest.mark.parametrize("kept", [3, 1])
def test_check_sees_events_taken_off_the_end(tmp_path: Path, kept: int) -> None:
    head = json.loads(LINES[-1])["sha256"]
    (tmp_path / "h200").mkdir()
    _with(tmp_path / "h200", b"".join(LINES[:kept]))
    with pytest.raises(LedgerDamagedError, match=f"want head {head}, found .*version control"):
        check(tmp_path, head)


@pytest.mark.parametrize("head", ["", "0" * 11, "0" * 65, "x" * 12])
def test_check_refuses_what_cannot_be_the_start_of_a_head(tmp_path: Path, head: str) -> None:
    with pytest.raises(VerifyError, match="want 12 to 64 hex digits") as refused:
        check(tmp_path, head)
    assert refused.value.exit_code == 2


def test_check_refuses_a_torn_line(tmp_path: Path) -> None:
    (tmp_path / "h200").mkdir()
    _with(tmp_path / "h200", CONTENT + b'{"body"')
    with pytest.raises(LedgerDamagedError, match=r"ledger\.jsonl:5: .* crash cut short") as refused:
        check(tmp_path)
    assert refused.value.exit_code == 4
