"""Numbers on pages are the ledger's, and a page on which one is not is found out."""

import json
import re

import pytest

from verify.publish.site.marks import mark, mistakes

S = "toyvig.toy_count.toyvig_s"
L = "toyvig.toy_count.toyold_l"


def test_a_number_is_marked_with_what_it_is(site):
    assert mark(site.facts(), S, "measured") == (
        f'<data data-q="{S} measured" value="22.31">22.310</data>'
    )
    assert mark(site.facts(), "all", "pass") == '<data data-q="all pass">7</data>'


@pytest.mark.parametrize(
    ("subject", "field"),
    [
        ("toyvig.toy_count.nobody", "measured"),
        (S, "weight"),
        (S, "key:nothing"),
        (S, "explained:7"),
        (S, "part:x"),
        (S, "region:middle"),
        (S, "history:" + "0" * 64),
        ("source:nobody", "claims"),
        ("table:toyvig-table-ix", "claims"),
        ("run:" + "0" * 64, "measured"),
        ("planet:earth", "claims"),
        ("all", "moons"),
        ("toyvig.statement.fast", "measured"),
    ],
)
def test_what_is_not_there_is_not_written(site, subject, field):
    assert mark(site.facts(), subject, field) == ""


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (f'<data data-q="{S} measured" value="22.31">22.310</data>', []),
        (f'<data data-q="{S} measured" value="22.31"><b>22</b>.310</data>', []),
        (
            f'<data data-q="{S} measured" value="22.31">22.301</data>',
            [f"{S}: measured reads '22.301', the ledger has '22.310'"],
        ),
        (
            f'<data data-q="{S} measured" value="22.3">22.310</data>',
            [f"{S}: measured is marked '22.3', the ledger has '22.31'"],
        ),
        (
            '<text data-q="all weight">3</text>',
            ["all: weight stands there, the ledger has none"],
        ),
        (
            '<td class="n d3">25.6</td>',
            ["the number '25.6' stands in a column of numbers without a mark"],
        ),
        ('<td class="n">none</td><td>25.6</td>', []),
    ],
    ids=["right", "in parts", "other text", "other value", "unknown", "unmarked", "words"],
)
def test_a_page_is_held_to_the_ledger(site, page, found):
    assert list(mistakes(site.facts(), page)) == found


def test_no_page_has_a_mistake(site):
    facts = site.facts()
    for name, page in site.pages().items():
        assert list(mistakes(facts, page)) == [], name


def test_every_measured_number_on_a_claims_page_stands_in_the_ledger_file(site):
    """The slow, obvious way: no code of the site, only the bytes of the ledger."""
    events = [json.loads(line) for line in site.toy.bytes().splitlines()]
    seen = 0
    for event in events:
        if event["type"] != "measured":
            continue
        model = event["body"]["params"]["model"]
        names = [name for name in site.pages() if f"toy_count.{model}.html" in name]
        for name in names:
            for key, value in re.findall(
                r'<data data-q="\S+ key:(\w+)" value="([^"]+)"', site.text(name)
            ):
                quantity = event["body"]["measurement"]["values"][key]
                assert float(value) == quantity["value"]
                seen += 1
    assert seen >= 12


def test_the_counts_of_the_overview_are_those_of_the_claims(site):
    verdicts = list(site.toy.verdicts().values())
    page = site.text("index.html")
    for word in ("pass", "fail"):
        assert f'<data data-q="all {word}">{verdicts.count(word)}</data>' in page


def test_a_measurement_that_changes_moves_the_number_on_the_page(site):
    before = site.text(f"claims/{L}.html")
    assert 'value="160.2"' in before
    site.toy.edit("toy_old.py", "160.2", "161.9")
    assert site.toy.verify("all").code == 0
    assert site.publish("--check").code == 1
    assert site.publish().code == 0
    page = site.text(f"claims/{L}.html")
    assert f'<data data-q="{L} measured" value="161.9">161.900</data>' in page
