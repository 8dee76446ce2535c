"""Pydantic's findings become sentences that need no knowledge of pydantic."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from verify.claim import ClaimFile, WrittenClaim
from verify.expect import Expect, Strict
from verify.index import Index
from verify.refusals import problems_in, suggestion
from verify.yaml_lines import Document, Place


class Toy(Strict):
    name: str = ""
    size: Annotated[int, Field(gt=0)] = 1
    level: Annotated[int, Field(ge=0, le=9)] = 1
    weight: float = 0.0
    coarse: bool = False
    parts: Annotated[list[str], Field(min_length=1)] = ["a"]
    mark: Literal["printed", "implied"] = "printed"
    expect: Expect | None = None
    inner: "Toy | None" = None


def _refusals(data, shape=Toy):
    with pytest.raises(ValidationError) as caught:
        shape.model_validate(data)
    problems = problems_in(caught.value, Place(Document("toy")), data, shape)
    return [f"{problem.field}: {problem.sentence}" for problem in problems]


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ({"name": 7.1}, "name: want text, got the number 7.1; put quotes around it"),
        ({"name": False}, "name: want text, got false (YAML reads no and off so); put quotes"),
        ({"name": True}, "name: want text, got true (YAML reads yes and on so); put quotes"),
        ({"name": None}, "name: want text, got nothing"),
        ({"name": ["a"]}, "name: want text, got a list"),
        ({"size": "3"}, "size: want a whole number, got '3'; remove the quotes"),
        ({"size": "three"}, "size: want a whole number, got 'three'"),
        ({"size": 2.5}, "size: want a whole number, got the number 2.5"),
        ({"size": True}, "size: want a whole number, got true"),
        ({"size": 0}, "size: want more than 0, got the number 0"),
        ({"level": -1}, "level: want at least 0, got the number -1"),
        ({"level": 10}, "level: want at most 9, got the number 10"),
        ({"weight": "1"}, "weight: want a number, got '1'; remove the quotes"),
        ({"coarse": "true"}, "coarse: want true or false, got 'true'; remove the quotes"),
        ({"parts": []}, "parts: want at least one, got an empty list"),
        ({"parts": "a"}, "parts: want a list, got 'a'; write [ ] around it"),
        (
            {"mark": "print"},
            "mark: want 'printed' or 'implied', got 'print'; did you mean 'printed",
        ),
        ({"mark": 3}, "mark: want 'printed' or 'implied', got the number 3"),
        ({"inner": "x"}, "inner: want a mapping, got 'x'"),
        ({"nam": "x"}, "nam: want a known key, got 'nam'; did you mean 'name'?"),
        ({"zzz": "x"}, "zzz: want a known key, got 'zzz'; known here: name, size, level,"),
        ({"inner": {"zzz": 1}}, "inner.zzz: want a known key, got 'zzz'; known here: name, size,"),
        (
            {"expect": {"kind": "ordering", "relation": "at_most", "unit": "ratio"}},
            "expect.unit: want a known key, got 'unit'; known here: kind, relation",
        ),
        ({"expect": {"kind": "valeu"}}, "expect.kind: want one of value, bound, ratio, difference"),
        ({"expect": {"printed": "1"}}, "expect: want kind inside expect, got none; add one"),
    ],
)
def test_one_mistake_is_one_sentence(data, refusal):
    [found] = _refusals(data)
    assert found.startswith(refusal)
    assert "Input should" not in found
    assert "nput should" not in found


def test_a_misspelled_key_is_not_also_reported_missing():
    data = {"source": "toyvig", "tables": [{"titel": "Sizes"}]}
    found = _refusals(data, ClaimFile)
    assert "tables.0.titel: want a known key, got 'titel'; did you mean 'title'?" in found
    assert not any(sentence.startswith("tables.0.title:") for sentence in found)
    assert "tables.0.statement: want this key, got none; add it" in found


def test_a_key_known_elsewhere_is_not_suggested_to_itself():
    claim = {
        "id": "toyvig.statement.x",
        "statement": "x",
        "found_at": [{"section": "1", "printed": "x"}],
        "check": "none",
        "because": "x",
        "printed": "3",
    }
    [found] = _refusals(claim, WrittenClaim)
    assert "got 'printed'; known here: id, statement, found_at" in found


def test_patterns_are_said_in_words():
    data = {
        "schema": 1,
        "sources": {"Toy": {"title": "T", "file": "t", "sha256": "abc"}},
        "papers": {"toy": {"title": "T", "arxiv": "2401"}},
    }
    found = "\n".join(_refusals(data, Index))
    assert "sources.Toy: want a name in lower case letters, digits and _, got 'Toy'" in found
    assert "sha256: want a SHA-256 in 64 lower case hexadecimal digits, got 'abc'" in found
    assert 'arxiv: want a quoted arXiv id such as "2206.00272" or "2206.00272v3"' in found
    assert "pattern" not in found


def test_every_pattern_of_the_shapes_has_words():
    patterns = str(Index.model_json_schema()) + str(ClaimFile.model_json_schema())
    assert patterns.count("'pattern': '^") >= 2
    for data in ({"schema": 1, "sources": {"a": {"title": "a", "file": "a", "sha256": "é"}}},):
        assert all("^" not in sentence for sentence in _refusals(data, Index))


def test_a_suggestion_is_a_clause_or_nothing():
    assert suggestion("modle", ["title", "model"]) == "; did you mean 'model'?"
    assert suggestion("quux", ["title", "model"]) == ""
