"""Files for machines fit their schemas and hold the ledger's numbers."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
import xmlschema
import yaml

from verify.publish.site.facts import table_slug

HERE = Path(__file__).parent
S = "toyvig.toy_count.toyvig_s"
RATIO = "toyvig.arithmetic.toyvig_s_over_toyvig_ti"
COLUMNS = {"ledger_head", "tool", "ledger_machines", "ledger_date"}


def schema(name):
    made = json.loads((HERE / "schemas" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def rows(site, name):
    return list(csv.DictReader(io.StringIO(site.text(name))))


def reviews(site):
    for name, page in site.pages().items():
        found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
        assert len(found) == name.startswith("claims/"), name
        if found:
            yield name, json.loads(found[0])


# -- claims.json ---------------------------------------------------------------------------


def test_claims_json_fits_the_schema_published_beside_it(site):
    made = json.loads(site.text("claims.json"))
    published = json.loads(site.text(made["$schema"]))
    jsonschema.Draft202012Validator.check_schema(published)
    jsonschema.Draft202012Validator(published).validate(made)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made["claims"][0].update(verdict="maybe"),
        lambda made: made["claims"][0].pop("reason"),
        lambda made: made["claims"][0].update(more=1),
        lambda made: made["ledger"].update(head="abc"),
        lambda made: made.update(schema=2),
        lambda made: made["counts"].update({"pass": -1}),
    ],
    ids=["verdict", "missing", "unknown", "head", "version", "count"],
)
def test_the_schema_refuses_what_is_not_a_claims_json(site, spoil):
    made = json.loads(site.text("claims.json"))
    spoil(made)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, json.loads(site.text("claims.schema.json")))


def test_claims_json_says_what_list_says(site):
    made = {claim["id"]: claim for claim in json.loads(site.text("claims.json"))["claims"]}
    listed = site.toy.claims()
    assert list(made) == list(listed)
    for id_, claim in listed.items():
        assert {key: made[id_][key] for key in claim} == claim
    assert made[S]["region"] == [22.25, 22.35]
    assert made[S]["shown"]["measured"] == "22.310"
    assert made[S]["page"] in site.files()


# -- CSV -----------------------------------------------------------------------------------


def test_a_table_as_csv_has_a_row_for_each_cell(site):
    found = rows(site, "tables/toyvig-table-ii.csv")
    assert [row["row"] for row in found][:2] == ["ToyMLP-<b>Ti</b> | small", "ToyViG-Ti"]
    row = next(row for row in found if row["claim"] == S)
    assert (row["printed"], row["measured"], row["low"], row["verdict"]) == (
        "22.3",
        "22.31",
        "22.31",
        "pass",
    )
    assert row["convention"] == "trainable"


def test_every_csv_file_has_its_origin_in_every_row(site):
    head = site.facts().state.head
    for name in site.files():
        if name.endswith(".csv"):
            for row in rows(site, name):
                assert set(row) >= COLUMNS, name
                assert row["ledger_head"] == head, name


def test_claims_csv_has_every_claim_once(site):
    assert [row["claim"] for row in rows(site, "claims.csv")] == list(site.toy.claims())


def test_verdicts_by_document_add_up(site):
    found = {row["source"]: row for row in rows(site, "pictures/verdicts.csv")}
    verdicts = site.toy.verdicts()
    for source, row in found.items():
        own = [word for id_, word in verdicts.items() if id_.startswith(f"{source}.")]
        assert int(row["pass"]) == own.count("pass")
        assert int(row["blocked"]) == own.count("blocked")


def test_tables_whose_names_look_alike_have_files_of_their_own():
    names = ["A.1", "A-1", "A 1", "a1", "ä1", "../x", "x" * 300, "x" * 301]
    files = [table_slug("toy", name) for name in names]
    assert len(set(files)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,90}", name) for name in files)


# -- JUnit, badge, pictures ------------------------------------------------------------------


def test_junit_fits_its_schema_and_tells_verdicts_as_outcomes(site):
    xmlschema.XMLSchema(str(HERE / "schemas" / "junit.xsd")).validate(site.text("junit.xml"))
    root = ET.fromstring(site.text("junit.xml"))
    outcomes = {
        case.get("name"): case[0].tag if len(case) else "passed" for case in root.iter("testcase")
    }
    told = {"pass": "passed", "fail": "failure", "error": "error"}
    assert outcomes == {id_: told.get(word, "skipped") for id_, word in site.toy.verdicts().items()}
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        "11",
        "1",
        "0",
        "3",
    ]


def test_an_error_of_our_rig_is_an_error_in_junit_and_no_failure(bare):
    bare.toy.trouble(toyvig_b="raise")
    assert bare.toy.verify("all").code == 3
    assert bare.publish().code == 0
    root = ET.fromstring(bare.text("junit.xml"))
    assert (root.get("errors"), root.get("failures")) == ("1", "1")
    assert next(root.iter("error")).get("type") == "measurement_error"


def test_what_is_stale_is_said_to_be_so_in_every_file(site):
    assert "<system-out>" not in site.text("junit.xml")
    site.toy.edit("toy_old.py", "150.0}", "150.1}")
    assert site.publish().code == 0
    xmlschema.XMLSchema(str(HERE / "schemas" / "junit.xsd")).validate(site.text("junit.xml"))
    root = ET.fromstring(site.text("junit.xml"))
    stale = {c.get("name") for c in root.iter("testcase") if c.findtext("system-out") == "stale"}
    assert stale == {row["claim"] for row in rows(site, "claims.csv") if row["stale"]}
    assert stale == {c["id"] for c in json.loads(site.text("claims.json"))["claims"] if c["stale"]}
    told = {
        r["identifier"]
        for _, r in reviews(site)
        if "stale" in r["reviewRating"]["ratingExplanation"]
    }
    assert told == stale != set()


def test_the_badge_counts_what_is_decided(site):
    root = ET.fromstring(site.text("badge.svg"))
    told = "8 decided: 7 hold, 1 do not"
    assert root[-1][-1].text == told
    prints = "1 of these: printed numbers against printed numbers"
    assert root.get("aria-label") == f"claims: {told}; {prints}"
    assert site.facts().state.head in site.text("badge.svg")


def test_every_picture_is_well_formed_told_in_words_and_has_its_numbers_beside_it(site):
    pictures = [name for name in site.files() if name.endswith(".svg") and "/" in name]
    assert pictures == ["pictures/claimed-toy-count.svg"]
    for name in pictures:
        root = ET.fromstring(site.text(name))
        space = "{http://www.w3.org/2000/svg}"
        assert root.find(f"{space}title").text
        assert "7 claims on logarithmic axes" in root.find(f"{space}desc").text
        assert site.facts().state.head in root.find(f"{space}metadata").text
        assert len(rows(site, name.replace(".svg", ".csv"))) == 7


# -- ClaimReview -----------------------------------------------------------------------------


def test_every_claims_page_has_a_claim_review_that_fits_the_schema(site):
    validator = schema("claim_review.schema.json")
    found = dict(reviews(site))
    assert len(found) == 11
    for review in found.values():
        validator.validate(review)


def test_only_what_is_decided_has_a_rating(site):
    ratings = {
        review["identifier"]: review["reviewRating"].get("ratingValue")
        for _, review in reviews(site)
    }
    told = {"pass": 5, "fail": 1}
    # Asked of prints alone: whatever comes of it, no print is called true or false.
    assert site.toy.verdicts()[RATIO] == "pass"
    assert ratings.pop(RATIO) is None
    assert ratings == {
        id_: told.get(word) for id_, word in site.toy.verdicts().items() if id_ != RATIO
    }


def test_a_claim_review_quotes_a_title_with_markup_and_dates_the_verdict(site):
    review = dict(reviews(site))[f"claims/{S}.html"]
    work = review["itemReviewed"]["appearance"]
    assert work["name"] == "ToyViG: an <i>Image</i> | is Worth Three Nodes"
    assert review["datePublished"] == site.toy.events("judged")[0].time[:10]


# -- results of models -----------------------------------------------------------------------


def accuracies(toy):
    """Turn the toys' counts into accuracies, which is a matter of the name alone."""
    for name in ("claims/toyvig.yaml", "claims/toynotes.yaml", "toy_counts.py"):
        path = toy.root / name
        text = path.read_text().replace("toy_count.", "toy_accuracy.")
        text = text.replace("reproduction: toy_count", "reproduction: toy_accuracy")
        text = text.replace('name="toy_count"', 'name="toy_accuracy"')
        path.write_text(text.replace("def toy_count(", "def toy_accuracy("))


def test_accuracies_are_written_as_model_cards_hold_them(bare):
    assert not [name for name in bare.files() if name.startswith("eval_results/")]
    accuracies(bare.toy)
    assert bare.toy.verify("all").code == 0
    assert bare.publish().code == 0
    found = sorted(name for name in bare.files() if name.startswith("eval_results/"))
    assert "eval_results/toyvig_s.yaml" in found
    validator = schema("eval_results.schema.json")
    for name in found:
        results = yaml.safe_load(bare.text(name))
        validator.validate(results)
        assert bare.text(name).startswith(f"# ledger head {bare.facts().state.head}")
    (result,) = yaml.safe_load(bare.text("eval_results/toyvig_s.yaml"))
    assert result["value"] == 22.31
    assert "Printed 22.3" in result["notes"]
    assert "eval_results/toyvig_h.yaml" not in found, "it was never measured"


MISTAKEN = """    def mistaken(self):
        return "toys held upside down" if self.model == "toyvig_s" else None

    def family(self):"""
IN_PART = """    if params.model == "toyvig_ti":
        values = {
            name: Quantity(value=value, low=value - 1, high=value + 1, unit="Mparam")
            for name, value in counts.items()
        }
    note(f"end """


def test_what_is_not_the_models_own_accuracy_is_in_no_card(bare):
    bare.toy.edit("toy_counts.py", "    def family(self):", MISTAKEN)
    bare.toy.edit("toy_counts.py", '    note(f"end ', IN_PART)
    accuracies(bare.toy)
    assert bare.toy.verify("all").code == 0
    assert bare.publish().code == 0
    found = {Path(name).stem for name in bare.files() if name.startswith("eval_results/")}
    assert {"toyvig_b", "toymlp_ti"} <= found
    assert "toyvig_s" not in found, "a mistaken protocol's figure is not the model's"
    assert "toyvig_ti" not in found, "only part of the images was seen"
