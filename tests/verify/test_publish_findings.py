"""The page of findings: every contradiction with its numbers and the command that shows it."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.publish import findings
from verify.report import report_on
from verify.state import State

_SPEC = spec_from_file_location("harness", Path(__file__).parent / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, measured, never_run = harness.clean, harness.measured, harness.toy
INSIDE = "Contradictions inside a document"
BETWEEN = "Contradictions between documents"
MODELS = "Contradictions between a document and the models"
CAUSES = "Stated causes that do not show"
EXPLAINED = "What would explain a miss"
SUMMARIES = "Summaries that differ from their primary"
LATE = "Tolerances that came late"
BELIEF = "Speeds that are hard to believe"
MISTAKE = "Figures that hold only by a mistake"
BORNE_OUT = "Claims that a null model bears out too"
CHANGED = "Known verdicts that changed"


def made(toy):
    report = report_on(toy.project, State({}, toy.stored))
    return findings.page(toy.project, report), findings.in_short(toy.project, report)


def sections(text):
    """Map each heading to the text below it."""
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def section(toy, title):
    return sections(made(toy)[0])[title]


def rows(text):
    """Give the cells of every table row that is no heading."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [re.split(r" (?<!\\)\| ", line[2:-2]) for line in lines]
    return [row for row in cells if row[0] not in {"claim", "claims", "---"}]


def count(toy, title):
    """Give the number the page's list of contents prints beside a section."""
    return int(re.search(rf"^- \[{title}\]\(#[a-z-]+\): (\d+)$", made(toy)[0], re.MULTILINE)[1])


def test_the_page_is_published_and_linked_from_the_summary(measured):
    page = (measured.root / "results/findings.md").read_text()
    summary = (measured.root / "results/README.md").read_text()
    links = re.findall(r"\]\(findings\.md#([a-z-]+)\): [1-9]", summary)
    assert links == [
        "contradictions-inside-a-document",
        "contradictions-between-a-document-and-the-models",
        "what-would-explain-a-miss",
    ]
    anchors = {title.lower().replace(" ", "-") for title in sections(page)}
    assert set(links) <= anchors
    assert "(findings.md)" in summary


def test_every_command_on_the_page_shows_its_claim(measured):
    page = (measured.root / "results/findings.md").read_text()
    ids = set(re.findall(r"`verify show ([^`]+)`", page)) - {"ID"}
    assert "toyvig.toy_count.toyold_l" in ids
    for id_ in ids:
        result = measured.verify("show", id_)
        assert (result.code, result.out.split()[0]) == (0, id_)


def test_a_project_without_findings_says_none_in_every_section(toy):
    toy.row("7.0")
    toy.measured(all=7.0)
    page, short = made(toy)
    found = sections(page)
    reading = [INSIDE, BETWEEN, MODELS, CAUSES, EXPLAINED, SUMMARIES]
    titles = [*reading, LATE, BELIEF, BORNE_OUT, MISTAKE, CHANGED]
    assert list(found) == titles
    assert all("\nNone.\n" in text for text in found.values())
    assert short == ["## [Findings](findings.md)", "", "None.", ""]


def test_two_prints_in_one_document_stand_with_the_measurement_and_both_commands(toy):
    one, two = toy.row("25.5"), toy.row("25.6")
    toy.measured(all=25.55)
    (row,) = rows(section(toy, INSIDE))
    assert row[0] == f"`{one}`, `{two}`"
    assert row[1].endswith("prints 25.6")
    assert row[2:] == ["25.550", f"`verify show {one}`, `verify show {two}`"]
    assert rows(section(toy, BETWEEN)) == []


def test_two_prints_in_two_documents_stand_between_documents(toy):
    one, two = toy.row("25.5"), toy.row("25.6", source="otherpaper")
    (row,) = rows(section(toy, BETWEEN))
    assert row[0] == f"`{one}`, `{two}`"
    assert row[2] == "not measured"
    assert rows(section(toy, INSIDE)) == []
    assert count(toy, BETWEEN) == 1


def test_printed_numbers_that_do_not_fit_together_contradict_inside_the_document(toy):
    one, two = toy.row("10.0"), toy.row("2.0", "toyvig_m")
    sum_ = toy.arithmetic("4.0", {"ratio": {"of": one, "over": two}})
    text = section(toy, INSIDE)
    (row,) = rows(text)
    assert row[0].startswith(f"`{sum_}`")
    assert row[1] == "4.0 ratio"
    assert row[2].startswith("5.000")
    assert row[3] == "+10 last digits, +25.00 %"
    assert "### t: printed numbers (1)" in text
    assert rows(section(toy, MODELS)) == []


def test_fails_stand_with_their_numbers_farthest_off_first(toy):
    near, far = toy.row("10.0"), toy.row("20.0", "toynet_s")
    toy.row("30.0", "toynet_b")
    toy.measured(all=10.2)
    toy.measured("toynet_s", all=30.0)
    toy.measured("toynet_b", all=30.0)
    found = rows(section(toy, MODELS))
    assert [row[0].split("`")[1] for row in found] == [far, near]
    assert found[0][1:4] == ["20.0 Mparam", "30.000", "+100 last digits, +50.00 %"]
    assert found[0][-1] == f"`verify show {far}`"
    assert count(toy, MODELS) == 2


def test_fails_are_grouped_by_document_reproduction_and_padding(toy):
    toy.row("10.0", "toynet_s")
    toy.row("10.0", "toynet_s", source="otherpaper")
    primary = {"paper": "original", "printed": "20"}
    toy.row("20.0", "toynet_b", flags={"padded": True}, primary=primary)
    toy.row("71.0", "toynet_s", reproduction="toy_hit_rate")
    toy.measured("toynet_s", all=12.0)
    toy.measured("toynet_b", all=20.3)
    toy.measured("toynet_s", reproduction="toy_hit_rate", all=72.0)
    titles = re.findall(r"^### (.*)$", section(toy, MODELS), re.MULTILINE)
    assert titles == [
        "t: toy count (1)",
        "t: toy count (1)",
        "t: toy count, only for a .0 the primary does not print (1)",
        "t: toy hit rate, better than printed (1)",
    ]


def test_a_fail_without_a_number_shows_none(toy):
    pair = [toy.of("toynet_s"), toy.of("toynet_b")]
    id_ = toy.compared({"kind": "ordering", "relation": "less_than"}, pair)
    toy.measured("toynet_s", all=30.0)
    toy.measured("toynet_b", all=20.0)
    (row,) = rows(section(toy, MODELS))
    assert row[0].startswith(f"`{id_}`")
    assert "not measured" not in row


def test_causes_are_kept_apart_from_printed_figures(toy):
    id_ = toy.row("10.0", scope="mechanism")
    toy.measured(all=12.0)
    assert rows(section(toy, MODELS)) == []
    (row,) = rows(section(toy, CAUSES))
    assert row[0].startswith(f"`{id_}`")


def test_what_would_explain_a_fail_is_grouped_by_what_it_is(toy):
    primary = {"paper": "original", "printed": "10.0"}
    one = toy.row("10.0", "toynet_s", primary=primary)
    two = toy.row("20.0", "toyvig_s")
    toy.models["toyvig_s_g4"] = {"stands_for": "toyvig_s", "fitted_to": [two], "because": "b"}
    toy.measured("toynet_s", all=12.0, hooks=10.0)
    toy.measured("toyvig_s", all=25.0)
    toy.measured("toyvig_s_g4", all=20.0)
    text = section(toy, EXPLAINED)
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == [
        "Reproduced by a counter that misses something (1)",
        "Reproduced by a configuration fitted to the print (1)",
        "What the primary paper prints (1)",
    ]
    counter, fitted, printed = rows(text)
    assert counter[3] == "reproduces as hooks: 10.000 (unsound counter)"
    assert fitted[0].startswith(f"`{two}`")
    assert fitted[3].startswith("reproduces as toyvig_s_g4: 20.000")
    assert printed[0].startswith(f"`{one}`")
    assert printed[3] == "the original paper prints 10.0"
    assert count(toy, EXPLAINED) == 2


def test_what_explains_a_claim_that_holds_or_is_open_is_not_listed(toy):
    toy.row("10.0", "toynet_s", primary={"paper": "original", "printed": "10.0"})
    assert rows(section(toy, EXPLAINED)) == []
    toy.measured("toynet_s", all=10.0)
    assert rows(section(toy, EXPLAINED)) == []


@pytest.mark.parametrize(
    ("title", "fields", "says"),
    [
        (
            SUMMARIES,
            {"primary": {"paper": "original", "printed": "11.0"}},
            "printed 10.0 here, 11.0 in 'The original'",
        ),
        (
            CHANGED,
            {"known_verdict": {"verdict": "fail", "because": "seen in March"}},
            "known as fail (seen in March), now pass",
        ),
    ],
    ids=["summary", "changed"],
)
def test_each_other_kind_stands_in_its_section(toy, title, fields, says):
    id_ = toy.row("10.0", **fields)
    toy.measured(all=10.0)
    (row,) = rows(section(toy, title))
    assert row == [f"`{id_}`", says, "10.000", f"`verify show {id_}`"]
    assert count(toy, title) == 1


def test_a_tolerance_added_after_a_run_is_listed_as_late(measured):
    late = (
        '{printed: "22.3", model: toyvig_s, tolerance: {by: "0.5", unit: Mparam, '
        "basis: published_spread, because: two tables differ}}"
    )
    measured.edit("claims/toyvig.yaml", '{printed: "22.3", model: toyvig_s}', late)
    assert measured.verify("publish", "tables").code == 0
    (row,) = rows(sections((measured.root / "results/findings.md").read_text())[LATE])
    assert row[0] == "`toyvig.toy_count.toyvig_s`"
    assert row[1] == "tolerance 0.5 Mparam, first judged with none"


def test_foreign_text_is_safe_on_the_page(toy):
    toy.row("10.0", statement="<b>Toy</b> | [link](https://example.org)")
    toy.measured(all=12.0)
    text = section(toy, MODELS)
    assert "&lt;b&gt;Toy&lt;/b&gt; \\| \\[link](https://example.org)" in text


def test_a_project_never_run_has_a_page_too(never_run):
    assert never_run.verify("publish", "tables").code == 0
    text = (never_run.root / "results/findings.md").read_text()
    assert "head `none`" in text
    assert len(rows(sections(text)[INSIDE])) == 1
    assert rows(sections(text)[MODELS]) == []
