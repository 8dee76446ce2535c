"""``verify locate``."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from verify.commands import DONE, FOUND, Options
from verify.errors import VerifyError
from verify.ground.document import Document
from verify.ground.locate import Located, locate
from verify.ground.sources import read_file, read_sources
from verify.load import load
from verify.refusals import suggestion
from verify.root import find_root
from verify.say import say

_MOST_PLACES = 20


def command(options: Options) -> int:
    """Print every place where a text stands, as locators."""
    document, warning = _document(options)
    found = locate(document, options.text)
    if options.json:
        say(json.dumps([asdict(place) for place in found], ensure_ascii=False))
    else:
        _show(found, options.text, document.name, warning)
    return DONE if found else FOUND


def _document(options: Options) -> tuple[Document, str | None]:
    """Read the document named: a file, or a source of the project in ``--sources``."""
    if options.sources is None:
        return read_file(Path(options.document)), None
    sources = load(find_root(options.project)).index.sources
    if options.document not in sources:
        hint = suggestion(options.document, sources) or f"; known are {', '.join(sources)}"
        raise VerifyError(f"no document {options.document!r} in claims.yaml{hint}")
    source = {options.document: sources[options.document]}
    reading = read_sources(options.sources, source)[options.document]
    if reading.document is None:
        raise VerifyError(str(reading.warning))
    return reading.document, reading.warning


def _show(found: Sequence[Located], text: str, document: str, warning: str | None) -> None:
    """List the places of a text as locators to paste."""
    if warning is not None:
        say(f"# warning: {warning}")
    for place in found[:_MOST_PLACES]:
        say(str(place))
    if len(found) > _MOST_PLACES:
        say(f"# and {len(found) - _MOST_PLACES} more; give more of the text")
    if not found:
        say(f"# {document} prints {text!r} nowhere")
