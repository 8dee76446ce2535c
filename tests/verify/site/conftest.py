"""What the tests of the site share: toy projects, published."""

import csv
import html
import io
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from verify.publish.site.facts import Facts
from verify.publish.site.origin import Origin
from verify.publish.site.pages import Pages
from verify.report import report_on
from verify.state import state_of

_SPEC = spec_from_file_location("harness", Path(__file__).parents[1] / "toyproject" / "harness.py")
harness = module_from_spec(_SPEC)
_SPEC.loader.exec_module(harness)
clean, toy, measured = harness.clean, harness.toy, harness.measured


class Site:
    """A toy project and its site."""

    def __init__(self, toy):
        self.toy = toy
        self.out = toy.root / "site"

    def publish(self, *arguments):
        return self.toy.verify("publish", "site", *arguments)

    def facts(self):
        project = self.toy.project()
        state = state_of(project)
        return Facts(project, state, report_on(project, state))

    def made(self):
        """Give the files as they would be written now."""
        facts = self.facts()
        return dict(Pages(facts, Origin.of(facts.state)).everything())

    def files(self):
        found = (path for path in self.out.rglob("*") if path.is_file())
        return {path.relative_to(self.out).as_posix(): path.read_bytes() for path in found}

    def text(self, name):
        return (self.out / name).read_text(encoding="utf-8")

    def rows(self, name):
        """Read a CSV file."""
        return list(csv.DictReader(io.StringIO(self.text(name))))

    def words(self, name):
        """Read a page or a drawing as a person does."""
        joined = re.sub("</?(data|span|i|b|a|code)\\b[^>]*>", "", self.text(name))
        return " ".join(html.unescape(re.sub("<[^>]*>", " ", joined)).split())

    def pages(self):
        return {name: text.decode() for name, text in self.files().items() if ".html" in name}


@pytest.fixture
def site(measured):
    """A toy project in which everything is measured, and its site."""
    made = Site(measured)
    assert made.publish().code == 0
    return made


@pytest.fixture
def bare(toy):
    """A toy project in which nothing is measured, and its site."""
    made = Site(toy)
    assert made.publish().code == 0
    return made
