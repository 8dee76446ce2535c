"""Reading YAML: data as ``yaml.safe_load`` gives it, lines for everything, silence for nothing."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from verify import yaml_lines
from verify.yaml_lines import Document, Place, read, shown

TEXT = """# a comment
source: toyvig

claims:
  - id: one
    found_at: [{table: "2"},
               {table: "3"}]
  - id: two
    because: >
      folded
      text
"""


def _read(tmp_path, content):
    path = tmp_path / "toy.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, "claims/toy.yaml")


def _refusals(tmp_path, content):
    return [str(problem) for problem in _read(tmp_path, content).problems]


@pytest.fixture(params=["libyaml", "pure python"])
def _loader(request, monkeypatch):
    if request.param == "pure python":
        monkeypatch.setattr(yaml_lines, "_Loader", yaml.SafeLoader)


@pytest.mark.usefixtures("_loader")
def test_data_is_what_yaml_says_and_every_key_and_item_has_its_line(tmp_path):
    document = _read(tmp_path, TEXT)
    assert document.problems == []
    assert document.data == yaml.safe_load(TEXT)
    assert document.lines == {
        (): 1,
        ("source",): 2,
        ("claims",): 4,
        ("claims", 0): 5,
        ("claims", 0, "id"): 5,
        ("claims", 0, "found_at"): 6,
        ("claims", 0, "found_at", 0): 6,
        ("claims", 0, "found_at", 0, "table"): 6,
        ("claims", 0, "found_at", 1): 7,
        ("claims", 0, "found_at", 1, "table"): 7,
        ("claims", 1): 8,
        ("claims", 1, "id"): 8,
        ("claims", 1, "because"): 9,
    }


PLAIN = ["11.7", "1e-3", "0x1f", "0o7", "010", "1_000", "1:30", "-2", "+.5", "~", "null", "no"]
PLAIN += ["On", "TRUE", "y", "text", "a b", '"7.10"', "'no'", "3.4×", "| \n  block", "1.e+3"]


@pytest.mark.parametrize("written", PLAIN)
def test_a_scalar_means_what_yaml_says(tmp_path, written):
    assert _read(tmp_path, f"key: {written}\n").data == yaml.safe_load(f"key: {written}\n")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=4), st.booleans())
def test_what_is_dumped_is_read_as_yaml_reads_it(tmp_path_factory, data, flow):
    text = yaml.dump(data, allow_unicode=True, default_flow_style=flow)
    document = _read(tmp_path_factory.getbasetemp(), text)
    assert document.problems == []
    assert document.data == yaml.safe_load(text)


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("a: 1\nb: 2\na: 3\n", "3: a: want each key once, got 'a' again (first on line 1); remove"),
        ("a: {b: 1,\n  b: 2}\n", "2: a.b: want each key once, got 'b' again (first on line 1)"),
        ("a: .nan\n", "1: a: want a finite number, got .nan; leave it out"),
        ("a:\n- 1\n- -.inf\n", "3: a.1: want a finite number, got -.inf; leave it out"),
        ("a: 2020-01-01\n", "1: a: want a plain value, got '2020-01-01'; put quotes around it"),
        (f"a: {'1' * 6000}\n", f"1: a: want a plain value, got '{'1' * 59}...; put quotes around"),
        ("a: &x [1]\nb:\n  - *x\n", "3: b.0: want the data written out, got the alias *x; repeat"),
        ("a: &x 1\nb: *x\n", "2: b: want the data written out, got the alias *x; repeat it"),
        ("a:\n  <<: {b: 1}\n", "2: a: want the keys written out, got a merge; repeat them"),
        ("a: 1\n? [b]\n: 2\n", "2: want a plain key, got a structure; write a word"),
        ("a: !!int ''\n", "1: a: want plain YAML, got the tag '!!int'; remove it"),
        ("a: !!bool x\n", "1: a: want plain YAML, got the tag '!!bool'; remove it"),
        ("a: !!timestamp x\n", "1: a: want plain YAML, got the tag '!!timestamp'; remove it"),
        ("a: !run [ls]\n", "1: a: want plain YAML, got the tag '!run'; remove it"),
        ("a: 1\n---\nb: 2\n", "2: want one YAML document, got a second one; split the file"),
        ("a:\n\tb: 1\n", "2: want spaces before the text, got a tab; replace it"),
        ("a: 1\nb: \xff\n".encode("latin-1"), "2: want UTF-8 text, got the byte 0xff; save it"),
        ("a: 1\nb: \x00\n", "2: want printable text, got the character 0x00; remove it"),
        ("a: [1\nb: 2\n", "2: want well-formed YAML, got an error while parsing a flow sequence"),
        ("a: b: c\n", "1: want well-formed YAML, got an error: mapping values are not allowed"),
    ],
)
def test_what_yaml_would_settle_in_silence_is_refused(tmp_path, content, refusal):
    [found] = _refusals(tmp_path, content)
    assert found.startswith(f"claims/toy.yaml:{refusal}")


def test_a_syntax_error_names_the_line_its_construct_began_on(tmp_path):
    [found] = _refusals(tmp_path, 'a: 1\nb: "open\nc: 2\n')
    assert "while scanning a quoted scalar that begins on line 2: found unexpected end" in found


def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack(tmp_path):
    depth = 10_000
    [found] = _refusals(tmp_path, f"a: {'[' * depth}{']' * depth}\n")
    assert found.endswith("want at most 40 levels, got more; flatten it")


def test_several_problems_of_a_file_are_all_found(tmp_path):
    assert len(_refusals(tmp_path, "a: .inf\na: 1\nb: 2020-01-01\n")) == 3


def test_a_folder_and_a_missing_file_are_problems_of_that_file(tmp_path):
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "no", "No such file")):
        [problem] = read(path, "claims/toy.yaml").problems
        start = f"claims/toy.yaml:1: want a readable file, found: {reason}"
        assert str(problem).startswith(start)


def test_an_empty_file_has_no_data_and_no_problem(tmp_path):
    for content in ("", "# only a comment\n"):
        document = _read(tmp_path, content)
        assert (document.data, document.problems) == (None, [])


@given(st.binary(max_size=80) | st.text(alphabet=':-{}[]"\n \t&*!|>%@?#,a1.<', max_size=80))
def test_garbage_is_read_or_refused_and_nothing_else(tmp_path_factory, content):
    document = _read(tmp_path_factory.getbasetemp(), content)
    assert document.data is None or document.problems or document.lines


def test_a_problem_without_a_line_of_its_own_has_that_of_its_nearest_ancestor():
    document = Document("claims/toy.yaml", lines={(): 1, ("claims",): 4, ("claims", 0): 5})
    problem = document.problem(("claims", 0, "expect", "unit"), "want this key")
    assert str(problem) == "claims/toy.yaml:5: claims.0.expect.unit: want this key"


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (("printed",), ("rows", "A", "printed")),
        (("expect", "printed"), ("rows", "A", "printed")),
        (("params", "model"), ("rows", "A", "model")),
        (("params", "size"), ("params", "size")),
        (("expect", "unit"), ("expect", "unit")),
        (("id",), ("rows", "A", "id")),
        ((), ("rows", "A")),
    ],
)
def test_a_problem_of_a_row_stands_where_the_row_or_its_block_writes_it(path, written):
    given_ = [("rows", "A", "printed"), ("rows", "A", "model"), ("params",), ("expect",)]
    lines = {("tables", 0, *place): 9 for place in given_}
    place = Place(
        Document("claims/toy.yaml", lines=lines), ("tables", 0, "rows", "A"), ("tables", 0)
    )
    assert place.problem(path, "").field == ".".join(map(str, ("tables", 0, *written)))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "nothing"),
        (False, "false"),
        (7.1, "the number 7.1"),
        ("no", "'no'"),
        ("x" * 100, f"'{'x' * 59}..."),
        ({}, "an empty mapping"),
        ({"a": 1, "b": 2}, "a mapping of a, b"),
        ([], "an empty list"),
        ([math.pi], "a list"),
    ],
)
def test_refused_data_is_shown_briefly(found, text):
    assert shown(found) == text
