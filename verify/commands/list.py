"""``verify list``."""

import json

from verify.commands import DONE, Options
from verify.commands.common import selected
from verify.console import show_entries
from verify.load import load
from verify.report import report_of
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """List claims and their verdicts."""
    project = load(find_root(options.project))
    report = report_of(project, selected(project, options))
    if options.json:
        say(json.dumps(report.as_json(), indent=1))
    else:
        show_entries(report.entries)
    return DONE
