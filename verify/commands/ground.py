"""``verify ground``."""

import json

from verify.commands import DONE, FOUND, Options
from verify.commands.common import selected
from verify.ground.check import ground
from verify.ground.sources import read_sources
from verify.load import load
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """Find every claim's place in the documents and compare what is printed there."""
    project = load(find_root(options.project))
    readings = read_sources(options.sources, project.index.sources)
    grounding = ground(project, readings, selected(project, options))
    if options.json:
        say(json.dumps(grounding.as_json(), indent=1, ensure_ascii=False))
    else:
        for line in grounding.lines():
            say(line)
    return FOUND if grounding.problems else DONE
