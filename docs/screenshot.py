"""The picture of the README: ``python docs/screenshot.py`` writes ``docs/site.png``.

It publishes this repository's ledger into a temporary folder and photographs the overview with
the system's Chromium (Debian's package ``chromium``) and playwright (extra ``test``).
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from verify.cli import main as verify

HERE = Path(__file__).resolve().parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1180, "height": 900}


def main() -> None:
    """Publish and photograph."""
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("want a browser, found none; install Debian's package chromium")
    rootless = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "site"
        verify(["publish", "site", "--project", str(HERE.parent), "--out", str(out)])
        with sync_playwright() as driver:
            started = driver.chromium.launch(executable_path=browser, args=rootless)
            page = started.new_page(viewport=SIZE, color_scheme="light")
            page.goto(f"file://{out}/index.html")
            page.screenshot(path=HERE / "site.png")
            started.close()


if __name__ == "__main__":
    main()
