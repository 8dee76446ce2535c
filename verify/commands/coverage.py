"""``verify coverage``."""

import json

from verify.commands import DONE, FOUND, Options
from verify.errors import VerifyError
from verify.ground.coverage import coverage
from verify.ground.sources import read_sources
from verify.load import load
from verify.refusals import suggestion
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """List every printed number that no claim is about and that is not ignored."""
    project = load(find_root(options.project))
    sources = project.index.sources
    if options.source is not None:
        if options.source not in sources:
            hint = suggestion(options.source, sources) or f"; known are {', '.join(sources)}"
            raise VerifyError(f"--source: want a document, got {options.source!r}{hint}")
        sources = {options.source: sources[options.source]}
    readings = read_sources(options.sources, sources)
    if not any(reading.document is not None for reading in readings.values()):
        found = "; ".join(str(reading.warning) for reading in readings.values())
        raise VerifyError(found or "claims.yaml: want a document under sources, got none; add one")
    covered = coverage(project, readings)
    if options.json:
        say(json.dumps(covered.as_json(), indent=1, ensure_ascii=False))
    else:
        for line in covered.lines():
            say(line)
    return FOUND if covered.uncovered else DONE
