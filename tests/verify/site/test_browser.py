"""The site in a real browser: filter, sort, follow, without JavaScript, on a phone, in the dark.

Chromium as the system has it, headless and offline; skipped, and said so, where there is none.
"""

import os
import re
import shutil
import time
from importlib.resources import files
from pathlib import Path

import pytest

from verify.cli import main

ROOT = Path(__file__).parents[3]
NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
PAGES = {
    "overview": "index.html",
    "claims": "claims.html#verdict=fail",
    "document": "documents/clustervig.html",
    "findings": "findings.html",
    "machines": "machines.html",
    "method": "method.html",
}


@pytest.fixture(scope="module")
def browser():
    """Start the system's browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="wants playwright (extra: test)")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("wants a browser: install Debian's package chromium")
    rootless = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=rootless)
        yield started
        started.close()


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Publish this repository's own ledger."""
    out = tmp_path_factory.mktemp("published") / "site"
    assert main(["publish", "site", "--out", str(out), "--project", str(ROOT)]) == 0
    return out


@pytest.fixture
def visit(browser):
    """Give a function that opens a page and afterwards holds it to silence and to this machine."""
    opened = []

    def go(place, **options):
        context = browser.new_context(**{"viewport": DESK, "offline": True, **options})
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.noise, page.asked = [], []
        page.on("console", lambda message: page.noise.append(message.text))
        page.on("pageerror", lambda error: page.noise.append(str(error)))
        page.on("dialog", lambda dialog: page.noise.append(dialog.message))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(place)
        opened.append((context, page))
        return page

    yield go
    for context, page in opened:
        assert page.noise == []
        assert [url for url in page.asked if not url.startswith("file://")] == []
        context.close()


def at(site, name):
    return f"file://{site}/{name}"


def failing_claim(published):
    """Name the page of a claim that does not hold; which one is the ledger's business."""
    page = (published / "claims.html").read_text(encoding="utf-8")
    row = re.search(r'<tr [^>]*data-v="fail".*?href="(claims/[^"]+)"', page, re.DOTALL)
    return row[1] if row else next(published.glob("claims/*.html")).relative_to(published)


def place(published, kind):
    return at(published, PAGES.get(kind) or failing_claim(published))


KINDS = [*PAGES, "claim"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_barrier_to_anyone(visit, published, kind, scheme):
    axe = pytest.importorskip("axe_playwright_python", reason="wants axe (extra: test)")
    page = visit(place(published, kind), color_scheme=scheme)
    page.evaluate((files(axe) / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    told = [
        (one["id"], one["help"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"])
        for one in found["violations"]
    ]
    assert told == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_shows_every_page_without_scrolling_sideways(visit, published, kind):
    page = visit(place(published, kind), viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator("h1").is_visible()


def test_both_schemes_are_drawn_and_readable(visit, published):
    colors = {}
    for scheme in ("light", "dark"):
        page = visit(at(published, "index.html"), color_scheme=scheme)
        body = page.evaluate("getComputedStyle(document.body).backgroundColor")
        colors[scheme] = [int(number) for number in re.findall(r"\d+", body)][:3]
    assert min(colors["light"]) > 240
    assert max(colors["dark"]) < 60


def rows(page):
    return page.locator("#claims tbody tr")


def words(page):
    """List the verdicts of all rows shown."""
    return rows(page).evaluate_all("all => all.map(row => row.dataset.v)")


def test_a_filter_shows_only_what_it_names_and_stands_in_the_address(visit, published):
    page = visit(at(published, "claims.html"))
    everything = words(page)
    page.locator("select[name=verdict]").select_option("pass")
    assert words(page) == [word for word in everything if word == "pass"]
    assert page.url.endswith("#verdict=pass")
    count = everything.count("pass")
    assert page.locator("#count").inner_text() == f"{count} of {len(everything)} claims"
    page.reload()
    assert set(words(page)) == {"pass"}
    page.get_by_role("button", name="Clear").click()
    page.wait_for_url(lambda url: "verdict" not in url)
    assert words(page) == everything


def test_filters_add_up(visit, published):
    page = visit(at(published, "claims.html"))
    both = rows(page).evaluate_all(
        "all => all.filter(r => r.dataset.k === 'parameter_count' && r.dataset.s === 'clustervig')"
        ".length"
    )
    page.locator("select[name=source]").select_option("clustervig")
    page.locator("select[name=kind]").select_option("parameter_count")
    assert rows(page).count() == both > 0
    page.locator("select[name=machine]").select_option(index=1)
    assert 0 < rows(page).count() <= both


def test_words_that_are_searched_all_have_to_be_there(visit, published):
    page = visit(at(published, "claims.html"))
    page.keyboard.press("/")
    page.keyboard.type("PViG-b parameters")
    texts = rows(page).all_inner_texts()
    assert texts
    assert all("pvig-b" in text.lower() and "parameters" in text.lower() for text in texts)
    page.keyboard.type(" no such claim")
    assert rows(page).count() == 0
    assert page.locator("#count").inner_text().startswith("0 of ")


@pytest.mark.parametrize("down", [True, False], ids=["farthest first", "nearest first"])
def test_claims_are_sorted_by_how_far_off_they_are(visit, published, down):
    page = visit(at(published, "claims.html"))
    page.get_by_role("button", name="Off by").click()
    if not down:
        page.get_by_role("button", name="Off by").click()
    found = page.locator("#claims td.of").evaluate_all("all => all.map(cell => cell.dataset.x)")
    numbers = [float(text) for text in found if text]
    assert numbers == sorted(numbers, reverse=down)
    assert found[: len(numbers)] == [text for text in found if text], "what has no number is last"
    head = page.locator("th[data-sort=off]")
    assert head.get_attribute("aria-sort") == ("descending" if down else "ascending")


def test_a_claim_is_followed_and_back_is_as_it_was_left(visit, published):
    page = visit(at(published, "index.html"))
    page.locator("a.big.fail").click()
    page.wait_for_load_state()
    assert page.url.endswith("claims.html#verdict=fail")
    page.get_by_role("button", name="Off by").click()
    shown = rows(page).all_inner_texts()
    link = rows(page).first.locator("a")
    statement = link.inner_text()
    link.click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == statement
    page.go_back()
    page.wait_for_load_state()
    assert rows(page).all_inner_texts() == shown
    assert page.locator("select[name=verdict]").input_value() == "fail"


def test_an_address_with_what_is_unknown_shows_everything(visit, published):
    page = visit(at(published, "claims.html#verdict=maybe&source=nobody&sort=color&x=1"))
    whole = visit(at(published, "claims.html"))
    assert words(page) == words(whole)


def test_without_javascript_the_table_is_plain_and_whole(visit, published):
    page = visit(at(published, "claims.html#verdict=fail"), java_script_enabled=False)
    number = (published / "claims.html").read_text(encoding="utf-8").count("<tr data-c=")
    assert rows(page).count() == number > 0
    assert rows(page).last.is_visible()
    assert not page.locator("#filters").is_visible()
    statement = rows(page).first.locator("a").inner_text()
    rows(page).first.locator("a").click()
    assert page.locator("h1").inner_text() == statement


def test_print_leaves_out_what_paper_cannot_do(visit, published):
    page = visit(at(published, "claims.html"))
    page.emulate_media(media="print")
    assert not page.locator(".filters").is_visible()
    assert not page.locator(".top").is_visible()
    assert rows(page).first.is_visible()


@pytest.mark.parametrize("kind", ["document", "claim"])
def test_paper_is_white_whatever_the_screen_is(visit, published, kind):
    drawn = {}
    for scheme in ("light", "dark"):
        page = visit(place(published, kind), color_scheme=scheme)
        page.emulate_media(media="print", color_scheme=scheme)
        drawn[scheme] = page.evaluate(
            "Array.from(document.querySelectorAll('main *')).map(e => getComputedStyle(e))"
            ".map(s => [s.color, s.backgroundColor, s.fill].join())"
        )
    assert drawn["dark"] == drawn["light"]


def test_a_phone_shows_all_of_the_table_of_documents(visit, published):
    page = visit(at(published, "index.html"), viewport=PHONE)
    region = page.locator(".wide:has(.documents)")
    assert region.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert region.get_by_role("link", name="%").first.is_visible()


def test_a_phone_calls_recomputed_what_no_model_was_run_for(visit, published):
    page = visit(place(published, "overview"), viewport=PHONE)
    told = "(cells) => [...new Set(cells.map((c) => getComputedStyle(c, '::before').content))]"
    assert page.eval_on_selector_all(".claims td.recomputed:not(:empty)", told) == ['"recomputed"']
    cells = ".claims td.me:not(.recomputed):not(:empty)"
    assert page.eval_on_selector_all(cells, told) == ['"measured"']


def test_the_parts_of_a_claim_fit_on_a_phone(visit, published):
    pages = [
        path for path in published.glob("claims/*.html") if 'class="parts"' in path.read_text()
    ]
    assert pages
    for path in sorted(pages, key=lambda path: path.stat().st_size)[-3:]:
        page = visit(at(published, f"claims/{path.name}"), viewport=PHONE)
        wide = "e => e.parentElement.scrollWidth - e.parentElement.clientWidth"
        assert page.eval_on_selector(".parts", wide) <= 0, path.name


def test_a_table_of_a_document_can_be_scrolled_by_keyboard(visit, published):
    page = visit(at(published, "documents/clustervig.html"), viewport=PHONE)
    region = page.locator(".wide:has(.printed)").first
    region.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    # Asked from here: the pages' own policy forbids the eval by which a page would wait.
    deadline = time.monotonic() + 10
    while not region.evaluate("e => e.scrollLeft > 0"):
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def test_hostile_text_does_nothing_and_fits(visit, bare):
    path = bare.toy.root / "claims" / "toyvig.yaml"
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>" + "W" * 400
    text = path.read_text().replace("ToyViG is fun", f"ToyViG {evil} is fun")
    path.write_text(text.replace('"ToyViG-S":', f'"ToyViG-S {evil}":'))
    assert bare.publish().code == 0
    claim = "claims/toyvig.statement.fast.html"
    for name in ("index.html", "claims.html", claim, "documents/toyvig.html"):
        page = visit(at(bare.out, name), viewport=PHONE)
        assert page.locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
    assert evil in visit(at(bare.out, claim)).locator("h1").inner_text()


def test_thousands_of_claims_are_shown_in_steps(visit, bare):
    path = bare.out / "claims.html"
    page = path.read_text(encoding="utf-8")
    body = re.search(r"<tbody>(.*?)</tbody>", page, re.DOTALL)[1]
    path.write_text(page.replace(f"<tbody>{body}", f'<tbody class="long">{body * 110}'))
    shown = visit(at(bare.out, "claims.html"))
    assert rows(shown).count() == 250
    assert "1210 claims, the first 250 shown" in shown.locator("#count").inner_text()
    for number in (500, 750, 1000, 1210):
        more = min(250, 1210 - rows(shown).count())
        shown.get_by_role("button", name=f"Show {more} more").click()
        assert rows(shown).count() == number
    assert not shown.locator("#more").is_visible()
    printed = visit(at(bare.out, "claims.html"))
    printed.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert rows(printed).count() == 1210, "paper has no button for more"
    plain = visit(at(bare.out, "claims.html"), java_script_enabled=False)
    assert plain.locator("#claims tbody tr:visible").count() == 1210
