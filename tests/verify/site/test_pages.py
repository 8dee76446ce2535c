"""The pages: what they say, where they lead, and that they are reproducible."""

import json
import posixpath
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from reproductions.contract import Convention, Measurement, Quantity
from verify.publish.site import claim_page
from verify.publish.site.drawings import against_print, is_sound, verdict_bar
from verify.publish.site.facts import Facts
from verify.publish.site.marks import mistakes
from verify.publish.site.origin import Origin
from verify.publish.site.pages import Pages, _code
from verify.report import Failing
from verify.verdict import WORDS, Measured, PartVerdict, Verdict

S = "toyvig.toy_count.toyvig_s"
L = "toyvig.toy_count.toyold_l"
H = "toyvig.toy_count.toyvig_h"
RATIO = "toyvig.arithmetic.toyvig_s_over_toyvig_ti"


class Plain(HTMLParser):
    """Collects text, links, ids and the stack of open elements."""

    VOID = {"meta", "link", "img", "br", "wbr", "input"}

    def __init__(self, page):
        super().__init__()
        self.words, self.links, self.ids, self.open = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given[name] for name in ("href", "src") if given.get(name)]
        self.ids += [given["id"]] if "id" in given else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "script":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def text_of(site, name):
    return Plain(site.text(name)).text


def test_there_is_a_page_for_each_claim_and_document(site):
    claims = {f"claims/{id_}.html" for id_ in site.toy.claims()}
    documents = {"documents/toyvig.html", "documents/toynotes.html"}
    whole = {f"{name}.html" for name in ("index", "claims", "findings", "machines", "method")}
    assert set(site.pages()) == claims | documents | whole


def test_the_same_ledger_gives_the_same_site(site):
    assert {name: text.encode() for name, text in site.made().items()} == {
        name: text for name, text in site.files().items() if name != "made-by-vig-verify.json"
    }
    assert site.made() == site.made()


def test_publishing_again_says_the_same(site):
    before = site.files()
    assert site.publish().code == 0
    assert site.files() == before


def test_every_element_is_closed_and_every_id_given_once(site):
    for name, page in site.pages().items():
        plain = Plain(page)
        assert plain.open == [], name
        assert len(plain.ids) == len(set(plain.ids)), name


def test_every_link_leads_to_a_file_of_the_site_and_to_a_place_in_it(site):
    files = site.files()
    ids = {name: set(Plain(page).ids) for name, page in site.pages().items()}
    for name, page in site.pages().items():
        for link in Plain(page).links:
            parts = urlsplit(link)
            assert (parts.scheme, parts.netloc) == ("", ""), f"{name}: {link}"
            folder = posixpath.dirname(name)
            target = posixpath.normpath(posixpath.join(folder, parts.path)) if parts.path else name
            assert target in files, f"{name}: {link}"
            if parts.fragment and "=" not in parts.fragment:
                assert unquote(parts.fragment) in ids[target], f"{name}: {link}"


def test_every_page_says_where_its_numbers_come_from(site):
    origin = site.facts()
    head, machine = origin.state.head, site.toy.ledger.parent.name
    date = max(event.time for event in site.toy.events())[:10]
    for name in site.pages():
        text = text_of(site, name)
        assert f"head {head} ." in text, name
        assert f"from the ledger of {machine}, last written {date} ," in text, name
        assert "vig-verify " in text, name


def test_nothing_measured_is_said_to_be_so(bare):
    assert "nothing has been measured yet" in text_of(bare, "index.html")
    assert "Of the 1 decided" in text_of(bare, "index.html")
    assert "not measured" in text_of(bare, f"claims/{S}.html")
    assert bare.publish("--check").code == 0


def test_the_overview_answers_which_documents_how_many_and_how_far_off(site):
    text = text_of(site, "index.html")
    assert "2 documents, 11 claims. Of the 8 decided" in text
    assert "7 hold and 1 do not ; 3 are open" in text
    assert "+6.80 %" in text or re.search(r"\+\d+\.\d\d %", text)


def test_the_overview_adds_up_the_error_rates_of_what_is_decided(site):
    assert "to expect from measurement error: 0 ." in text_of(site, "index.html")
    known = site.facts()
    verdict = known.entries[S].verdict
    loose = replace(verdict, measured=replace(verdict.measured, level=0.01))
    entries = tuple(
        replace(e, verdict=loose) if e.claim.id == S else e for e in known.report.entries
    )
    facts = Facts(known.project, known.state, replace(known.report, entries=entries))
    page = Pages(facts, Origin.of(facts.state))._index()
    assert "to expect from measurement error: 0.01 ." in Plain(page).text
    assert list(mistakes(facts, page)) == []


def test_a_verdict_is_told_by_mark_and_word(site):
    text = text_of(site, "claims.html")
    assert text.count("✗ does not hold") == 1 + 1  # the choice of the filter, and the row
    assert text.count("✓ holds") == 7 + 1


def test_tables_have_their_own_shape(site):
    page = site.text("documents/toyvig.html")
    table = page.partition('<table class="printed">')[2].partition("</table>")[0]
    labels = re.findall(r'<th scope="row">(.*?)</th>', table)
    assert labels == [
        "ToyMLP-&lt;b&gt;Ti&lt;/b&gt; | small",
        "ToyViG-Ti",
        "ToyViG-S",
        "ToyViG-B",
        "ToyOld-L",
        "ToyViG-H",
    ]
    row = Plain("<tr>" + table.split("<tr>")[6].rpartition("</tr>")[0] + "</tr>").text
    assert row == "ToyOld-L 150.0 160.200 ✗ does not hold"


def test_what_stands_beside_a_column_is_told_apart_from_what_is_printed(site):
    title = "    title: Toys in use\n"
    rows = '    beside: {"<i>ToyViG-B</i>": {model: toyvig_b}, "Never": {model: toymlp_ti}}\n'
    site.toy.edit("claims/toyvig.yaml", title, title + rows)
    assert site.publish().code == 0
    table = site.text("documents/toyvig.html").split('<table class="printed">')[2]
    row = table[table.index("&lt;i&gt;ToyViG-B") :].partition("</tr>")[0]
    assert "not printed" in row
    assert re.search(r'<data data-q="beside:[0-9a-f]{64} measured">86\.9</data>', row)
    assert list(mistakes(site.facts(), site.text("documents/toyvig.html"))) == []


def test_a_cell_is_shaded_by_how_far_off_it_is(site):
    page = site.text("documents/toyvig.html")
    assert f'<td class="n fail d2"><a href="../claims/{L}.html">' in page
    assert f'<td class="n pass "><a href="../claims/{S}.html">' in page


def test_a_claims_page_says_print_region_measurement_and_how_to_repeat_it(site):
    text = text_of(site, f"claims/{S}.html")
    assert "Printed 22.3 Mparam" in text
    assert "Table II, row ToyViG-S" in text
    assert "Accepted 22.250 to 22.350" in text
    assert "Measured 22.310 counted as trainable" in text
    assert "✓ holds convention: trainable" in text
    command = 'python -m reproductions --module toy_counts toy_count \'{"model": "toyvig_s"}\''
    assert command in text
    assert f"verify run {S} --fresh" in text
    assert "Protocol: look the model up." in text


def test_a_claims_page_has_the_ledger_line_and_its_hash(site):
    lines = site.toy.bytes().decode().splitlines()
    (event,) = [e for e in site.toy.events("measured") if e.body["params"]["model"] == "toyold_l"]
    text = text_of(site, f"claims/{L}.html")
    assert f"ledger.jsonl line {event.seq + 1}" in text
    assert event.sha256 in text
    assert lines[event.seq] in text


def test_conventions_tried_are_listed_with_the_one_that_decides(site):
    text = text_of(site, f"claims/{S}.html")
    assert "all default 22.460 every weight" in text
    assert "trainable decides 22.310" in text


def test_a_convention_that_misses_something_is_marked_and_drawn_apart(site):
    page = site.text(f"claims/{L}.html")
    assert "convolutions 150.000 weights of convolutions Not sound" in Plain(page).text
    assert page.count("Not sound: it missed something here") == 1
    assert page.count('<circle class="dot unsound"') == 1
    assert "dashed ones miss something" in page


@pytest.mark.parametrize(
    ("sound", "missed", "told"),
    [
        (True, None, True),
        (False, None, False),
        (False, (0.0, 0.0), True),
        (False, (0.0, 0.1), False),
        (False, (0.1, 0.1), False),
    ],
)
def test_pages_call_sound_what_the_judge_does(sound, missed, told):
    convention = Convention(name="hooks", counts="", sound=sound, sound_if_zero="missed")
    values, by_key = {"hooks": Quantity.exact(1.0, "GMAC")}, {}
    if missed is not None:
        low, high = missed
        values["missed"] = Quantity(value=low, low=low, high=high, unit="GMAC")
        by_key["missed"] = Measured(low, low, high)
    verdict = Verdict(verdict="fail", reason="outside_region", detail="", by_key=by_key)
    assert is_sound(convention, verdict) is told
    assert convention.is_sound_in(Measurement(values=values)) is told


def test_history_shows_a_verdict_that_changed(site):
    site.toy.edit("toy_old.py", "160.2", "150.0")
    assert site.toy.verify("all").code == 0
    assert site.publish().code == 0
    text = text_of(site, f"claims/{L}.html").partition("History")[2]
    assert text.index("✗ does not hold outside region 160.200") < text.index("✓ holds")
    assert "150.000" in text


def test_a_stale_verdict_is_marked_everywhere(site):
    assert 'class="stale"' not in "".join(site.pages().values())
    site.toy.edit("toy_old.py", "150.0}", "150.1}")
    assert site.publish().code == 0
    pages = site.pages()
    for name in ("claims.html", "documents/toyvig.html", f"claims/{L}.html"):
        assert '<span class="stale">stale</span>' in pages[name], name
    assert "data-stale" in pages["claims.html"]
    assert f"verify run {L}" in text_of(site, f"claims/{L}.html")
    assert "2 verdicts are stale" in text_of(site, "index.html")


def test_what_was_asked_is_kept_apart(site):
    claims = json.loads(site.text("claims.json"))["claims"]
    for name in ("index.html", "documents/toyvig.html"):
        table = site.text(name).partition('<table class="scopes">')[2].partition("</tbody>")[0]
        asked = [c for c in claims if name == "index.html" or c["source"] == "toyvig"]
        told = [Plain(f"<tr>{row}").text for row in table.split("<tr>")[2:]]
        assert told == [
            f"{words} {counted(asked, scope)}"
            for scope, words in (
                ("claim", "the printed figure itself"),
                ("consistency", "printed numbers against printed numbers"),
            )
        ], name


def counted(claims, scope):
    words = [claim["verdict"] for claim in claims if claim["scope"] == scope]
    passed, failed = words.count("pass"), words.count("fail")
    return f"{passed} {failed} {len(words) - passed - failed}"


def test_what_follows_from_prints_alone_is_never_called_measured(site):
    page = site.text(f"claims/{RATIO}.html")
    text = Plain(page).text
    assert "Recomputed 3.14" in text
    assert "easured" not in text.partition("Scope")[0].partition("Printed")[2]
    assert "recomputed is 3.14" in page
    assert "the dot what was recomputed" in text
    assert re.search(r"3\.14\d* \[[^]]+\] from prints", text_of(site, "claims.html"))
    assert "from prints" not in text_of(site, f"claims/{S}.html")


def test_prints_that_do_not_fit_together_are_contradictions_and_refute_nothing(site):
    before = int(
        re.search(r'"finding:contradiction findings">(\d+)<', site.text("findings.html"))[1]
    )
    path = site.toy.root / "claims" / "toyvig.yaml"
    path.write_text(path.read_text().replace('printed: "3.1"', 'printed: "3.5"'))
    assert site.publish().code == 0
    section = site.text("findings.html").partition('id="contradiction"')[2].partition("<h2")[0]
    assert f'findings">{before + 1}<' in section
    assert f'href="claims/{RATIO}.html"' in section
    overview = site.text("index.html").partition('id="fail"')[2]
    refuted, _, unfit = overview.partition("Printed numbers that do not fit together")
    assert f"claims/{RATIO}.html" not in refuted
    assert f"claims/{RATIO}.html" in unfit
    assert site.publish("--check").code == 0


def test_what_fails_is_told_apart_farthest_off_first(site):
    facts = site.facts()
    failing = facts.entries[L]

    def entry(scope="claim", reason="outside_region", relative=0.1):
        off_by = replace(failing.verdict.off_by, relative=relative)
        verdict = replace(failing.verdict, reason=reason, off_by=off_by)
        claim = failing.claim.model_copy(update={"scope": scope})
        return replace(failing, claim=claim, verdict=verdict)

    near, far, padded = entry(), entry(relative=-0.2), entry(reason="over_precise")
    cause, unfit = entry("mechanism"), entry("consistency")
    given = [near, unfit, cause, facts.entries[S], padded, far]
    assert Failing.among(given) == Failing((far, near), (padded,), (cause,), (unfit,))


def test_a_null_model_stands_on_the_claims_page(site, monkeypatch):
    verdict = Verdict(verdict="pass", reason="inside_region", detail="22.3 <b>too</b>")
    facts = site.facts()
    made = Pages(facts, Origin.of(facts.state))
    monkeypatch.setattr(claim_page, "null_words", lambda project, id_: "weights random")
    entry = replace(facts.entries[S], null=verdict)
    text = Plain(made._claim(entry)).text
    assert "Null model The same where the claim should not show (weights random)" in text
    assert "✓ holds there: 22.3 <b>too</b>" in text
    assert "Null model" not in text_of(site, f"claims/{S}.html")


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("blocked", "0 of 2 hold; one: wants toys, found none; buy a toy"),
        ("fail", "0 of 2 hold; one"),
    ],
)
def test_only_failing_parts_that_are_listed_below_are_left_out_of_the_reason(site, word, shown):
    detail = "0 of 2 hold; one: wants toys, found none; buy a toy"
    parts = (PartVerdict("one", word, "nothing"), PartVerdict("two", word, "nothing"))
    verdict = Verdict(verdict=word, reason="not_measurable", detail=detail, parts=parts)
    facts = site.facts()
    page = Pages(facts, Origin.of(facts.state))._claim(replace(facts.entries[S], verdict=verdict))
    assert f'<p class="why">{shown}</p>' in page


def test_a_list_in_what_a_module_says_stays_a_list(tmp_path, monkeypatch):
    (tmp_path / "toy_told.py").write_text('"""Toys.\n\nKeys:\n\n* one: a\n  toy\n* two: b\n"""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert claim_page._told("toy_told") == ["Toys.", "Keys:", "• one: a toy", "• two: b"]


def test_code_in_what_a_convention_counts_is_set_as_code():
    assert _code("`all` & more") == "<code>all</code> &amp; more"
    assert _code("every <weight>") == "every &lt;weight&gt;"


def test_findings_machines_and_method_have_pages(site):
    assert "Table II, row ToyOld-L" in text_of(site, "findings.html")
    machine = site.toy.ledger.parent.name
    text = text_of(site, "machines.html")
    assert f"results/{machine}/ledger.jsonl : {len(site.toy.events())} events, 5" in text
    assert "every weight" in text_of(site, "method.html")


def test_a_drawing_says_what_it_shows_and_has_its_numbers_marked(site):
    facts = site.facts()
    drawing = against_print(facts, facts.entries[L])
    assert 'aria-label="Accepted is 149.950 to 150.050; measured is 160.200."' in drawing
    assert f'data-q="{L} point"' in drawing
    assert f'data-q="{L} key:trainable"' in drawing
    assert drawing.count("<circle") == 3


@pytest.mark.parametrize("id_", [H, "toyvig.statement.fast"])
def test_without_a_measurement_nothing_is_drawn(site, id_):
    facts = site.facts()
    assert against_print(facts, facts.entries[id_]) == ""


def test_an_open_end_reaches_the_edge(site):
    facts = site.facts()
    drawing = against_print(facts, facts.entries["toynotes.toy_count.toymlp_ti"])
    assert "Accepted is 5.00 to any number" in drawing
    assert "region:high" not in drawing


def places(bar):
    found = re.findall(r'<rect class="(\w+)" x="([\d.]+)" width="([\d.]+)"', bar)
    return [(word, float(x), float(width)) for word, x, width in found]


@pytest.mark.parametrize(
    "counts",
    [{"pass": 3, "fail": 1}, {"pass": 1}, {"pass": 10000, "fail": 1, "error": 1}, {}],
    ids=str,
)
def test_a_bars_segments_follow_each_other_and_none_vanishes(counts):
    found = places(verdict_bar(counts, of="toys"))
    assert [word for word, _, _ in found] == [word for word in WORDS if word in counts]
    ends = [x + width for _, x, width in found]
    assert all(width > 1 for _, _, width in found)
    assert all(end < x for end, (_, x, _) in zip(ends, found[1:], strict=False))
    assert not ends or abs(ends[-1] - 400) < 0.5


def test_a_bar_is_told_in_words():
    assert 'aria-label="toys: 2 holds, 1 blocked"' in verdict_bar(
        {"pass": 2, "blocked": 1}, of="toys"
    )
