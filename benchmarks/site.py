"""Seconds that a site takes to be made and opened: ``python -m benchmarks.site [CLAIMS ...]``.

This repository's own ledger, then generated projects in which every claim has a measurement of
its own and a recorded verdict, in the form of single claims and of tables. "make" is the whole
process of ``verify publish site``, "check" that of ``--check``, each on the wall and by the time
that processors worked, which other users of the machine disturb less. The page of all claims is
then opened in the system's Chromium, where there is one: "open" until it can be used, "thread"
the part of it that the page's own thread worked, "filter" until the choice of a verdict is drawn,
each the median of five. The budgets are 5 s for this
corpus and 60 s for 10,000 claims, and a second to open and to filter.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.lint import INDEX, single_form, table_form
from verify.ledger import Ledger
from verify.load import load
from verify.state import Codes, current_digests

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MEMORY = Path("/dev/shm")
REPEATS = 5
COUNTS = {"all": 11.69, "trainable": 11.69, "reparameterized": 11.69, "bn_folded": 11.68}
FILTERED = """() => new Promise((done) => {
  const from = performance.now(), field = document.querySelector("select[name=verdict]");
  field.value = "pass";
  field.dispatchEvent(new Event("input", {bubbles: true}));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - from)));
})"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("claims", nargs="*", type=int, default=[10_000])
    numbers = parser.parse_args().claims
    print("| project | make | processors | check | processors | files | open | thread | filter |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        show("this repository", ROOT, Path(folder) / "site")
    for claims in numbers:
        for form, text in (("single", single_form(claims)), ("table", table_form(claims))):
            # In memory if that is a disk: a ledger waits for the disk at every event.
            with (
                tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as project,
                tempfile.TemporaryDirectory() as folder,
            ):
                generate(Path(project), text)
                name = f"{claims:,} claims, {form} form"
                show(name, Path(project), Path(folder) / "site")


def generate(root: Path, text: str) -> None:
    """Write a project with a ledger in which everything is measured and judged."""
    (root / "claims").mkdir()
    (root / "claims.yaml").write_text(INDEX)
    (root / "claims" / "toyvig.yaml").write_text(text)
    project, codes = load(root), Codes()
    ledger = Ledger(root / "results" / "generated")
    needs = {need.key: need for of_claim in project.needs.values() for need in of_claim}
    for need in needs.values():
        quantities = {
            name: {"value": count, "low": count, "high": count, "level": None, "unit": "Mparam"}
            for name, count in COUNTS.items()
        }
        body = {
            "key": need.key,
            "because": "missing",
            "reproduction": need.reproduction,
            "params": need.params.model_dump(mode="json"),
            "outcome": "ok",
            "measurement": {"values": quantities, "facts": {}, "samples": {}, "evidence": {}},
            "duration_s": 0.1,
        }
        digests = current_digests(project, need, codes)
        ledger.append("measured", body, digests=digests, environment={"cpu": "generated"})
    run("judge", "--project", str(root))


def run(*arguments: str) -> tuple[float, float]:
    """Run a command as a process of its own; give its seconds on the wall and of processors."""
    command = [sys.executable, "-m", "verify", *arguments]
    started, worked = time.perf_counter(), _processor_seconds()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started, _processor_seconds() - worked


def _processor_seconds() -> float:
    """Add up what all processes waited for so far have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def show(name: str, root: Path, out: Path) -> None:
    """Print one row."""
    command = ["publish", "site", "--project", str(root), "--out", str(out)]
    seconds = [*run(*command), *run(*command, "--check")]
    cells = [f"{one:.1f} s" for one in seconds]
    files = sum(path.is_file() for path in out.rglob("*"))
    opened = [f"{one:.2f} s" for one in in_browser(out / "claims.html")] or ["no browser"] * 3
    print(f"| {' | '.join([name, *cells, str(files), *opened])} |", flush=True)


def in_browser(page: Path) -> Iterator[float]:
    """Give the medians to open a page, of its thread, and to filter; none without a browser."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra of the tests

    opened, worked, filtered = [], [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(REPEATS):
            tab = browser.new_page()
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            started = time.perf_counter()
            tab.goto(f"file://{page}")
            opened.append(time.perf_counter() - started)
            found = session.send("Performance.getMetrics")["metrics"]
            worked += [one["value"] for one in found if one["name"] == "ThreadTime"]
            filtered.append(tab.evaluate(FILTERED) / 1000)
            tab.close()
        browser.close()
    yield statistics.median(opened)
    yield statistics.median(worked)
    yield statistics.median(filtered)


if __name__ == "__main__":
    main()
