"""What stands in one row belongs together, whoever reads it: a person or a program."""

import json
import xml.etree.ElementTree as ET

import pytest

from verify.wording import fact_words

S = "toyvig.toy_count.toyvig_s"
L = "toyvig.toy_count.toyold_l"
RATIO = "toyvig.arithmetic.toyvig_s_over_toyvig_ti"
SVG = "{http://www.w3.org/2000/svg}"


def test_what_is_measured_and_how_far_off_it_is_never_contradict_each_other(site):
    claims = {claim["id"]: claim for claim in json.loads(site.text("claims.json"))["claims"]}
    found = [row for row in site.rows("claims.csv") if row["off_by_relative"]]
    assert len(found) == 9
    for row in found:
        share = float(row["measured"]) / float(row["printed"]) - 1
        assert float(row["off_by_relative"]) == pytest.approx(share, rel=1e-9, abs=1e-12)
        assert claims[row["claim"]]["off_by"]["relative"] == float(row["off_by_relative"])
    s = next(row for row in found if row["claim"] == S)
    assert (s["default_convention"], s["default_measured"]) == ("all", "22.46")
    assert (s["off_by_last_digits"], s["default_off_by_last_digits"]) == ("0", "2")
    assert claims[S]["by_default"]["convention"] == "all"
    assert claims[S]["by_default"]["measured"]["value"] == 22.46
    assert claims[S]["by_default"]["off_by"]["last_digits"] == 2
    assert [c["id"] for c in claims.values() if c["by_default"]] == [
        row["claim"] for row in site.rows("claims.csv") if row["default_convention"]
    ]
    listed = site.words("claims.html").partition(S)[2].partition("holds")[0]
    assert "22.3 Mparam 22.310 +0.04 % +0.72 % by default" in listed
    page = site.words(f"claims/{S}.html")
    assert (
        "off by 0 last digits, +0.04 %; counted by default 22.460, +2 last digits, +0.72 %" in page
    )


def test_what_is_stale_is_marked_in_counts_badge_and_pictures(site):
    counts = ("index.html", "documents/toyvig.html", "badge.svg")
    assert not [name for name in counts if "stale" in site.words(name)]
    site.toy.edit("toy_old.py", "150.0}", "150.1}")
    assert site.publish().code == 0
    text = site.words("index.html")
    assert "have changed since they were measured. False verdicts to expect" in text
    assert "ToyViG: an <i>Image</i> | is Worth Three Nodes 2 stale 10" in text
    assert text.count("2 stale") == 1, "the other document has none"
    assert "what is dashed is stale" in text
    assert "3 are open 2 stale" in site.words("documents/toyvig.html")
    assert "1 do not; 2 stale" in ET.fromstring(site.text("badge.svg")).get("aria-label")
    found = {row["source"]: row["stale"] for row in site.rows("pictures/verdicts.csv")}
    assert found == {"toyvig": "2", "toynotes": "0"}
    stale = {row["claim"] for row in site.rows("claims.csv") if row["stale"]}
    rows = site.rows("pictures/claimed-toy-count.csv")
    assert {row["claim"] for row in rows if row["stale"] == "stale"} == stale
    root = ET.fromstring(site.text("pictures/claimed-toy-count.svg"))
    links = [a for a in root.iter(f"{SVG}a") if "stale" in a[1].get("class").split()]
    assert {a.get("href") for a in links} == {f"../claims/{id_}.html" for id_ in stale}
    assert all(", stale" in a.get("aria-label") and ", stale" in a[0].text for a in links)
    assert "2 stale, drawn dashed" in root.find(f"{SVG}desc").text


def test_a_figure_beside_a_column_that_is_stale_says_so(site):
    title = "    title: Toys in use\n"
    beside = title + '    beside: {"Old": {model: toyold_l}}\n'
    site.toy.edit("claims/toyvig.yaml", title, beside)
    assert site.publish().code == 0
    assert "not printed 160.2" in site.words("documents/toyvig.html")
    site.toy.edit("toy_old.py", "150.0}", "150.1}")
    assert site.publish().code == 0
    assert "not printed 160.2 [stale]" in site.words("documents/toyvig.html")


def test_what_was_asked_stands_in_every_file_and_is_never_counted_together(site):
    scopes = {c["id"]: c["scope"] for c in json.loads(site.text("claims.json"))["claims"]}
    assert scopes[RATIO] == "consistency"
    for name in ("claims.csv", "tables/toyvig-table-ii.csv"):
        assert all(row["scope"] == scopes[row["claim"]] for row in site.rows(name))
    root = ET.fromstring(site.text("junit.xml"))
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["toyvig.claim", "toyvig.consistency", "toynotes.claim"]
    prints = suites["toyvig.consistency"]
    assert [case.get("name") for case in prints.iter("testcase")] == [RATIO]
    assert prints.find("testcase").get("classname") == "toyvig.consistency.arithmetic"
    told = {one.get("name"): one.get("value") for one in prints.iter("property")}
    assert told["scope"] == "printed numbers against printed numbers"
    for id_, words in ((S, "holds"), (RATIO, f"holds ({told['scope']})")):
        page = site.text(f"claims/{id_}.html")
        review = json.loads(page.partition('ld+json">')[2].partition("</script>")[0])
        assert review["reviewRating"]["alternateName"] == words
        assert (review["reviewAspect"] == told["scope"]) == (id_ == RATIO)


def test_a_measured_structure_stands_in_its_own_row(site):
    id_ = "toyvig.toy_count.toyvig_b.whole"
    claim_added(
        site,
        f"""  - id: {id_}
    statement: The largest ToyViG has 87 M parameters.
    found_at: [{{section: Conclusion, printed: "87"}}]
    reproduction: toy_count
    params: {{model: toyvig_b}}
    convention: trainable
    expect: {{kind: equal, form: integer, printed: "87"}}
""",
    )
    assert site.toy.verdicts()[id_] == "fail"
    assert f"{id_}\t87\t86.6\t✗ does not hold" in site.toy.verify("list").out
    row = next(row for row in site.rows("claims.csv") if row["claim"] == id_)
    assert (row["printed"], row["measured"], row["low"]) == ("87", "86.6", "")
    claims = {claim["id"]: claim for claim in json.loads(site.text("claims.json"))["claims"]}
    assert (claims[id_]["measured"], claims[id_]["fact"]) == (None, 86.6)
    assert claims[S]["fact"] is None
    assert "The largest ToyViG has 87 M parameters. 87 86.6 ✗" in site.words("index.html")
    assert "Measured 86.6 Scope" in site.words(f"claims/{id_}.html")


def test_a_printed_limit_is_told_from_a_printed_number(site):
    id_ = "toynotes.toy_count.toymlp_ti"
    claims = {claim["id"]: claim for claim in json.loads(site.text("claims.json"))["claims"]}
    assert (claims[id_]["relation"], claims[S]["relation"]) == ("at_least", None)
    found = {row["claim"]: row["relation"] for row in site.rows("claims.csv")}
    assert (found[id_], found[S]) == ("at_least", "")
    assert "at least 5 Mparam 5.04 +0.80 % ✓ holds" in site.words("claims.html")
    assert "at least 5 Mparam" in site.words("documents/toynotes.html")
    assert "Printed at least 5 Mparam" in site.words(f"claims/{id_}.html")


def claim_added(site, text):
    with (site.toy.root / "claims" / "toyvig.yaml").open("a") as stream:
        stream.write(text)
    assert site.publish().code == 0
    assert site.publish("--check").code == 0


def test_prints_that_were_only_compared_say_so_without_a_number(site):
    claim_added(
        site,
        """  - id: toyvig.arithmetic.s_above_ti
    statement: ToyViG-S is the larger one.
    found_at: [{section: Conclusion, printed: larger}]
    scope: consistency
    inputs: [toyvig.toy_count.toyvig_s, toyvig.toy_count.toyvig_ti]
    expect: {kind: ordering, relation: more_than}
""",
    )
    text = site.words("claims.html").partition("toyvig.arithmetic.s_above_ti ")[2]
    assert text.startswith("toyvig arithmetic from prints ✓ holds")


def test_a_printed_list_is_written_as_one_and_so_is_a_measured_one(site):
    id_ = "toyvig.toy_count.toyvig_b.sizes"
    claim_added(
        site,
        f"""  - id: {id_}
    statement: The largest ToyViG has two sizes.
    found_at: [{{section: Conclusion, printed: sizes}}]
    reproduction: toy_count
    params: {{model: toyvig_b}}
    convention: trainable
    expect: {{kind: equal, form: list, printed: ["86", "87"]}}
""",
    )
    assert f"{id_}\t86, 87\t86.6\t" in site.toy.verify("list").out
    assert fact_words(["B x N", 2.0, [3]]) == "B x N, 2, 3"
