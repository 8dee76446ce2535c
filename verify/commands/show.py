"""``verify show``."""

import json

from verify.commands import DONE, Options
from verify.console import explain
from verify.errors import VerifyError
from verify.load import load
from verify.refusals import suggestion
from verify.report import report_on
from verify.root import find_root
from verify.say import say
from verify.state import state_of


def command(options: Options) -> int:
    """Explain one verdict."""
    project = load(find_root(options.project))
    id_ = project.index.renamed.get(options.id, options.id)
    if id_ not in project.claims:
        hint = suggestion(id_, project.claims) or "; `verify list` shows all ids"
        raise VerifyError(f"no claim {id_!r}{hint}")
    state = state_of(project)
    report = report_on(project, state, [id_])
    if options.json:
        say(json.dumps(report.entries[0].as_json(), indent=1))
    else:
        explain(project, state, report.entries[0])
    return DONE
