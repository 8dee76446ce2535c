"""A line is checked whole, and what is in it is made only when it is asked for."""

import json
from typing import Any

import pytest

from verify import event as module
from verify.digest import canonical_json
from verify.event import NO_EVENT, BadEventError, read_event, sha256_of, written

FIELDS: dict[str, Any] = {
    "seq": 0,
    "prev": NO_EVENT,
    "schema": 1,
    "tool": "0.1.0",
    "time": "2030-01-01T00:00:00Z",
    "type": "measured",
    "digests": {"code": "c0de", "packages": {"torch": None}},
    "environment": {"os": "Linux", "dirty": False},
    "body": {"key": "k1", "text": 'é ,"sha256":" \\', "numbers": [1e-07, -3], "claim": "a.b.c"},
}
LINE = written(FIELDS)


def signed(before: bytes, *, after: bytes = b',"time":"t","tool":"0","type":"note"}') -> bytes:
    """Forge a line with a sound hash out of any text."""
    return b'%s,"sha256":"%s"%s' % (before, sha256_of(before + after).encode(), after)


def with_body(text: bytes) -> bytes:
    """Forge a line with a sound hash around the text of a body."""
    head = b'{"body":%s,"digests":{},"environment":{},"prev":"%s","schema":1,"seq":0'
    return signed(head % (text, NO_EVENT.encode()))


def refusal(line: bytes) -> str:
    """Give the words by which a line is refused."""
    with pytest.raises(BadEventError) as refused:
        read_event(line, 0, NO_EVENT)
    return str(refused.value)


def test_an_event_gives_all_that_its_line_says() -> None:
    event = read_event(LINE, 0, NO_EVENT)
    assert event.fields == json.loads(LINE)
    assert list(event.fields) == [*FIELDS, "sha256"]
    for name, value in event.fields.items():
        assert getattr(event, name) == value
    assert event.line == LINE


def test_a_line_is_read_without_making_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_line: bytes) -> None:
        pytest.fail("made")

    monkeypatch.setattr(module, "_decoded", refused)
    assert read_event(LINE, 0, NO_EVENT).about == "k1"


@pytest.mark.parametrize(
    ("body", "about"),
    [
        pytest.param({"key": "k", "claim": "a.b.c"}, "k", id="measurement"),
        pytest.param({"claim": "a.b.c"}, "a.b.c", id="claim"),
        pytest.param({}, None, id="neither"),
        pytest.param({"key": 5}, None, id="number"),
        pytest.param({"key": None, "text": "NaN"}, None, id="nothing"),
        pytest.param({"key": "k", "text": "Infinity"}, "k", id="a word in a text"),
    ],
)
def test_an_event_tells_what_it_is_about(body: dict[str, Any], about: str | None) -> None:
    event = read_event(written({**FIELDS, "body": body}), 0, NO_EVENT)
    assert (event.about, event.body) == (about, body)


def test_every_changed_byte_of_a_line_is_seen() -> None:
    for place in range(len(LINE)):
        for mask in (1, 2, 32, 128):
            changed = bytearray(LINE)
            changed[place] ^= mask
            assert refusal(bytes(changed))


@pytest.mark.parametrize("end", range(0, len(LINE), 7))
def test_a_line_cut_short_is_no_json(end: int) -> None:
    assert refusal(LINE[:end]).startswith("want one canonical JSON object, found b")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(text, id=text.decode("ascii", "replace")[:20])
        for text in (
            b'{"a":NaN}',
            b'{"a":[Infinity]}',
            b'{"a":-Infinity}',
            b'{"a":01}',
            b'{"a":1,}',
            b'{"a" "b"}',
            b"{a:1}",
            b"{'a':1}",
            b'{"a":"\x01"}',
            b'{"a":"\xff"}',
            b'{"a":"\\ud800"}',
            b'{"a":"\\x"}',
            b'{"a":tru}',
            b'{"a":' + 250 * b"[" + 250 * b"]" + b"}",
            b"{",
            b"",
        )
    ],
)
def test_a_forged_body_that_is_no_json_is_refused_before_anybody_asks_for_it(body: bytes) -> None:
    assert refusal(with_body(body)).startswith("want one canonical JSON object, found b")


def test_json_that_is_not_written_the_canonical_way_is_refused() -> None:
    spaced = json.dumps(json.loads(LINE), sort_keys=True).encode()

    turned = json.dumps(dict(reversed(json.loads(LINE).items())), separators=(",", ":")).encode()
    escaped = LINE.replace("é".encode(), b"\\u00e9")
    assert canonical_json(json.loads(LINE)) == LINE
    for line in (spaced, turned, escaped, LINE + b" ", b" " + LINE):
        assert json.loads(line) == json.loads(LINE)
        assert refusal(line).startswith("want what sha256 ")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"seq": 1}, "want seq 0, found 1", id="seq"),
        pytest.param({"seq": 0.0}, "want the fields .*'seq': 'float'", id="fraction"),
        pytest.param({"schema": True}, "want the fields .*'schema': 'bool'", id="schema"),
        pytest.param({"prev": 64 * "1"}, "want prev '0{64}', found '1{64}'", id="prev"),
        pytest.param({"type": "guess"}, "want a type of .* found 'guess'", id="type"),
        pytest.param({"tool": None}, "want the fields .*'tool': 'NoneType'", id="tool"),
        pytest.param({"digests": []}, "want the fields .*'digests': 'list'", id="digests"),
        pytest.param({"about": "k"}, "want the fields .*'about': 'str'", id="more"),
    ],
)
def test_a_forged_field_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(BadEventError, match=message):
        read_event(written({**FIELDS, **changed}), 0, NO_EVENT)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_missing_field_is_named(name: str) -> None:
    line = canonical_json({key: value for key, value in json.loads(LINE).items() if key != name})
    assert "found" in refusal(line)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        pytest.param({"outcome": "ok"}, "ok", id="text"),
        pytest.param({"outcome": ["ok"]}, None, id="list"),
        pytest.param({"measurement": {"outcome": "ok"}}, None, id="deeper"),
    ],
)
def test_an_event_tells_how_it_ended(body: dict[str, Any], outcome: str | None) -> None:
    assert read_event(written({**FIELDS, "body": body}), 0, NO_EVENT).outcome == outcome
