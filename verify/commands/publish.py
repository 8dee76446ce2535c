"""``verify publish``."""

import json

from verify.commands import DONE, FOUND, Options
from verify.load import load
from verify.publish import tables
from verify.report import report_of
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """Write the pages, or say which would change."""
    project = load(find_root(options.project))
    pages = tables.pages(project, report_of(project))
    if options.check:
        names, did = tables.outdated(project.results, pages), "would change"
    else:
        names, did = tables.write(project.results, pages), "wrote"
    if options.json:
        say(json.dumps({did.replace(" ", "_"): [f"results/{name}" for name in names]}))
    else:
        for name in names:
            gone = "" if name in pages else " (no longer made: removed)"
            say(f"{did}{':' if options.check else ''} results/{name}{gone}")
    return FOUND if options.check and names else DONE
