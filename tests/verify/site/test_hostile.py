"""Hostile text in claim files stays text in every page and file."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
import yaml

SCRIPT = "<script>document.title='owned'</script>"
TEXTS = {
    "script": SCRIPT,
    "end of script": f"</script>{SCRIPT}",
    "end of attribute": "\"'><img src=x onerror=\"document.title='owned'\">",
    "end of comment": f"--> {SCRIPT} <!--",
    "end of cdata": f"]]>{SCRIPT}",
    "template": "{{ 7 * 7 }}{% raw %}",
    "right to left": "\u202e37 M\u202c",
    "hebrew": "מודל 37",
    "control": "bell \x07 and escape \x1b[2J",
    "long word": "W" * 3000,
    "formula": "=HYPERLINK(1)",
}


def spoiled(toy, text):
    """Put a text wherever a claim file takes words of a person."""
    path = toy.root / "claims" / "toyvig.yaml"
    raw = yaml.safe_load(path.read_text())
    raw["tables"][0]["title"] = f"title {text}"
    raw["tables"][0]["statement"] = "{row} has {printed} M, " + text.replace("{", "(")
    rows = raw["tables"][0]["rows"]
    raw["tables"][0]["rows"] = {f"{label} {text}": row for label, row in rows.items()}
    raw["tables"][0]["table"]["column"] = f"Params {text}"
    raw["tables"][1]["table"]["table"] = f"III {text}"
    raw["claims"][1]["statement"] = f"fun, {text}"
    raw["claims"][1]["because"] = f"because {text}"
    raw["claims"][1]["found_at"] = [{"section": f"S {text}", "printed": f"fun {text}"}]
    path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False))
    index = yaml.safe_load((toy.root / "claims.yaml").read_text())
    index["sources"]["toyvig"]["title"] = f"Toy {text}"
    (toy.root / "claims.yaml").write_text(yaml.safe_dump(index, allow_unicode=True))


@pytest.fixture(params=TEXTS.values(), ids=TEXTS)
def hostile(request, bare):
    spoiled(bare.toy, request.param)
    result = bare.publish()
    assert (result.code, result.err) == (0, "")
    return bare


class Elements(HTMLParser):
    """Collects every element with the names of its attributes, and what pages say of a script."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_no_page_has_an_element_or_an_attribute_of_a_claim_files(hostile):
    for name, page in hostile.pages().items():
        for tag, attributes in Elements(page).found:
            assert not [key for key in attributes if key.startswith("on")], name
            assert tag not in {"img", "iframe", "style", "base", "object"}, name
            if tag == "script":
                ours = {"site.js", "../site.js"}
                assert attributes.get("src") in ours or attributes == {
                    "type": "application/ld+json"
                }, name
        assert "Params 49" not in page, name


def test_what_cannot_be_seen_reaches_no_file(hostile):
    unseen = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]")
    for name, text in hostile.files().items():
        if name != "claims.json":
            assert not unseen.search(text.decode()), name


def test_every_file_still_reads(hostile):
    for name, text in hostile.files().items():
        if name.endswith((".svg", ".xml")):
            ET.fromstring(text)
        if name.endswith(".json"):
            json.loads(text)
        if name.endswith(".csv"):
            assert len({len(row) for row in csv.reader(io.StringIO(text.decode()))}) == 1, name
    for name, page in hostile.pages().items():
        for found in re.findall(r'ld\+json">(.*?)</script>', page, re.DOTALL):
            assert json.loads(found)["@type"] == "ClaimReview", name


def test_check_still_proves_it(hostile):
    assert hostile.publish("--check").code == 0


def test_claims_json_keeps_the_text_as_it_is(bare):
    spoiled(bare.toy, TEXTS["right to left"])
    assert bare.publish().code == 0
    claims = json.loads(bare.text("claims.json"))["claims"]
    assert any("\u202e37 M\u202c" in claim["statement"] for claim in claims)


def test_half_a_character_is_refused_or_named_but_breaks_nothing(bare):
    path = bare.toy.root / "claims" / "toyvig.yaml"
    path.write_text(path.read_text().replace("is fun to play with", "is fun \\ud800 to play with"))
    text = path.read_text().replace(
        "statement: ToyViG is fun \\ud800 to play with.", 'statement: "ToyViG is \\ud800 fun."'
    )
    path.write_text(text)
    result = bare.publish()
    assert result.code in {0, 2}
    assert "Traceback" not in result.err
