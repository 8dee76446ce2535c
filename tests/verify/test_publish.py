"""Published pages: the ledger in Markdown, reproducible, escaped, honest about what is counted."""

import re
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from reproductions.contract import SPECS
from verify.publish import tables
from verify.report import report_of

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured
PAGES = ["README.md", "tables/toyvig-table-ii.md", "tables/toyvig-table-iii.md", "findings.md"]


def page(toy, name):
    return (toy.root / "results" / name).read_text()


def made(toy):
    project = toy.project()
    return tables.pages(project, report_of(project))


def rows(text):
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_the_pages_are_a_summary_one_for_each_table_and_the_findings(measured):
    assert list(made(measured)) == PAGES


def test_published_pages_equal_a_regeneration(measured):
    for name, text in made(measured).items():
        assert page(measured, name) == text
    assert made(measured) == made(measured)


def test_publishing_again_writes_nothing(measured):
    before = {name: (measured.root / "results" / name).stat().st_ino for name in PAGES}
    result = measured.verify("publish", "tables")
    assert (result.code, result.out) == (0, "")
    assert {n: (measured.root / "results" / n).stat().st_ino for n in PAGES} == before


def test_check_is_silent_where_all_pages_are_current(measured):
    result = measured.verify("publish", "tables", "--check")
    assert (result.code, result.out) == (0, "")


def edit(path):
    path.write_text(path.read_text() + "\n")


def end_lines_as_windows_does(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        pytest.param(PAGES[0], edit, id="edited"),
        pytest.param(PAGES[1], Path.unlink, id="missing"),
        pytest.param(PAGES[1], end_lines_as_windows_does, id="other line ends"),
        pytest.param(PAGES[2], lambda path: path.write_bytes(b"\xff"), id="not text"),
        pytest.param("tables/old.md", Path.touch, id="left over"),
    ],
)
def test_check_names_a_page_that_would_change_and_publishing_mends_it(measured, name, spoil):
    good = {path: path.read_bytes() for path in (measured.root / "results").rglob("*.md")}
    spoil(measured.root / "results" / name)
    before = measured.files()
    result = measured.verify("publish", "tables", "--check")
    assert (result.code, result.out.split()[:3]) == (1, ["would", "change:", f"results/{name}"])
    assert measured.files() == before
    result = measured.verify("publish", "tables", "--json")
    assert result.json == {"wrote": [f"results/{name}"]}
    found = {path: path.read_bytes() for path in (measured.root / "results").rglob("*.md")}
    assert found == good


def test_check_in_json_lists_the_files(measured):
    (measured.root / "results/README.md").unlink()
    result = measured.verify("publish", "tables", "--check", "--json")
    assert (result.code, result.json) == (1, {"would_change": ["results/README.md"]})


def test_every_page_prints_the_head(measured):
    head = report_of(measured.project()).head
    for name in PAGES:
        assert page(measured, name).rstrip().endswith(f"head `{head}`.")


def test_html_of_claims_labels_and_titles_reaches_no_page(measured):
    measured.edit("claims/toyvig.yaml", "fun is not measured", "fun is <em>not</em> measured")
    measured.edit("toy_counts.py", 'counts="every weight"', 'counts="<b>every</b> weight"')
    for text in made(measured).values():
        assert not re.search(r"</?[a-z]", text)
    assert "ToyMLP-&lt;b&gt;Ti&lt;/b&gt;" in page(measured, PAGES[1])


def test_pipes_and_line_breaks_of_foreign_text_break_no_table(measured):
    measured.edit("claims/toyvig.yaml", 'ToyViG-Ti"', 'ToyViG \\\\| Ti\\r\\nTiny"')
    text = made(measured)[PAGES[1]]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows(text)} == {6}
    assert "ToyViG \\\\\\| Ti Tiny" in text


def test_a_restated_cell_stands_in_both_tables_and_is_counted_once_in_the_summary(measured):
    assert sum("ToyViG-S" in row for row in rows(page(measured, PAGES[1]))) == 1
    assert sum("ToyViG-S" in row for row in rows(page(measured, PAGES[2]))) == 1
    counts = report_of(measured.project()).counts()
    assert counts["claims"] == 11
    summary = page(measured, PAGES[0])
    assert "**decided 8: 7 hold, 1 do not; 3 undecided.**" in summary
    assert "2 hold only under a counting convention" in summary


def test_a_cell_restated_within_one_table_is_counted_once_in_its_heading(measured):
    text = (
        '      "ToyViG-S again": {printed: "22.3", restates: toyvig.toy_count.toyvig_s}\n'
        '      "ToyViG-S backbone"'
    )
    measured.edit("claims/toyvig.yaml", '      "ToyViG-S backbone"', text)
    found = made(measured)[PAGES[2]]
    assert "**decided 2 of 2:" in found
    assert len(rows(found)) == 2 + 3


def test_a_table_is_headed_by_what_holds_how(measured):
    assert (
        "**decided 5 of 6: 2 hold as printed, 2 only under a counting convention inferred from "
        "the table, 1 do not; 1 undecided.**"
    ) in page(measured, PAGES[1])


def test_a_row_under_an_inferred_convention_shows_the_default_count_beside_it(measured):
    assert ("| ToyViG-S | 22.3 | 22.310 (all: 22.460) | ✓ holds (convention: trainable) |") in page(
        measured, PAGES[1]
    )


def test_a_row_not_measured_shows_no_number(measured):
    row = next(row for row in rows(page(measured, PAGES[1])) if "ToyViG-H" in row)
    assert row == "| ToyViG-H | 632 | not measured | ○ blocked (no model) |  |"


def test_what_would_account_for_a_failure_is_noted_and_escaped_once(measured):
    measured.edit("toy_counts.py", 'counts="weights of convolutions"', 'counts="a & b"')
    text = page(measured, PAGES[1])
    assert re.search(r"reproduces \w+ convolutions.*150\.000", text)
    assert "- `convolutions`: a &amp; b." in made(measured)[PAGES[1]]
    assert "&amp;amp;" not in "".join(made(measured).values())


def test_rows_of_a_table_keep_the_printed_order(measured):
    text = page(measured, PAGES[1])
    labels = [re.split(r" (?<!\\)\| ", row[2:])[0] for row in rows(text)[2:]]
    assert labels == [
        "ToyMLP-&lt;b&gt;Ti&lt;/b&gt; \\| small",
        "ToyViG-Ti",
        "ToyViG-S",
        "ToyViG-B",
        "ToyOld-L",
        "ToyViG-H",
    ]


def test_scopes_are_counted_apart(measured):
    text = page(measured, PAGES[0])
    assert "| claim (the printed figure itself) | 6 | 1 | 3 |" in text
    assert "| consistency (printed numbers against printed numbers) | 1 | 0 | 0 |" in text


def test_findings_and_undecided_claims_are_listed(measured):
    text = page(measured, PAGES[0])
    assert (
        "- [Contradictions inside a document](findings.md#contradictions-inside-a-document): 1"
    ) in text
    undecided = text.partition("## Undecided")[2]
    assert [id_ for id_ in measured.claims() if f"`{id_}`" in undecided] == [
        "toyvig.statement.fast",
        "toyvig.toy_count.toyvig_h",
        "toyvig.arithmetic.toyvig_s_over_toyvig_ti.measured",
    ]
    assert "no model named toyvig_h yet" in undecided


TITLE = "    title: Toys <u>sorted</u> | by size\n"
BESIDE = f"{TITLE}    beside: {{<i>Old</i>: {{model: toyold_l}}}}\n"


def test_what_stands_beside_a_column_is_shown_below_it_and_judged_by_nothing(toy):
    toy.edit("claims/toyvig.yaml", TITLE, BESIDE)
    assert toy.verify("publish", "tables").code == 0
    assert rows(page(toy, PAGES[1]))[-1].split(" | ")[1:3] == ["not printed", "not measured"]
    before = set(toy.claims())
    assert toy.verify("run", "toyvig.toy_count.toymlp_ti").code == 0
    assert toy.verify("publish", "tables").code == 0
    last = rows(page(toy, PAGES[1]))[-1]
    assert last.startswith("| &lt;i&gt;Old")
    assert last.split(" | ")[1:3] == ["not printed", "160.2"]
    assert set(toy.claims()) == before
    assert "of 6:" in page(toy, PAGES[1])


def test_a_project_never_run_publishes_that_nothing_is_measured(toy):
    assert toy.verify("publish", "tables").code == 0
    text = page(toy, PAGES[1])
    assert "decided 0 of 6" in text
    assert "head `none`" in text
    assert toy.log() == []


def test_a_failing_write_leaves_the_old_page_and_is_one_sentence(measured, monkeypatch):
    measured.edit("claims/toyvig.yaml", 'printed: "5.0"', 'printed: "6.0"')
    before = measured.files()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    result = measured.verify("publish", "tables")
    assert result.code == 2
    assert result.err.startswith("verify: ")
    assert result.err.count("\n") == 1
    assert measured.files() == before


def test_a_folder_in_the_place_of_a_page_is_one_sentence(measured):
    (measured.root / "results/README.md").unlink()
    (measured.root / "results/README.md").mkdir()
    assert measured.verify("publish", "tables", "--check").code == 1
    result = measured.verify("publish", "tables")
    assert result.code == 2
    assert "README.md: cannot be written" in result.err


def test_tables_with_nearly_the_same_name_have_pages_of_their_own():
    names = {tables._file_name("toyvig", table) for table in ("A.1", "A-1", "A 1", "A1")}
    assert len(names) == 4
    assert tables._file_name("toyvig", "IV") == "tables/toyvig-table-iv.md"


def test_a_link_in_foreign_text_does_not_become_one(measured):
    measured.edit("claims/toyvig.yaml", 'ToyViG-Ti"', '[ToyViG-Ti](https://example.org)"')
    assert "\\[ToyViG-Ti](https://example.org)" in made(measured)[PAGES[1]]


def test_a_reproduction_without_conventions_has_no_list_of_them(measured, monkeypatch):
    shown = report_of(measured.project()).entries
    spec = SPECS["toy_count"]
    assert "Conventions of `toy_count`, the first one the default:" in tables._conventions(shown)
    monkeypatch.setitem(SPECS, "toy_count", replace(spec, conventions=(), facts=("all",)))
    assert tables._conventions(shown) == []
