"""``verify lint``."""

import json

from verify.commands import DONE, Options
from verify.load import load
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """Check the claims without measuring; loading refuses what is wrong."""
    project = load(find_root(options.project))
    counts = {"claims": len(project.claims), "tables": len(project.tables), "problems": 0}
    if options.json:
        say(json.dumps(counts))
    else:
        say(f"{counts['claims']} claims in {counts['tables']} table columns and prose: ok")
    return DONE
