"""``verify all`` and ``verify run``."""

import json

from verify import run as runner
from verify.commands import DONE, ERROR, FOUND, Options
from verify.commands.common import code_of, selected, show_report, words_in
from verify.console import Watcher, show_plan
from verify.judge import judge
from verify.load import load
from verify.project import Project
from verify.publish import tables
from verify.report import report_of, report_on
from verify.root import find_root
from verify.say import say
from verify.state import state_of


def command(options: Options) -> int:
    """Measure what is missing or stale, judge, print the ledger."""
    project = load(find_root(options.project))
    alarm = words_in(options.fail_on, "--fail-on")
    ids = selected(project, options)
    if options.dry_run:
        state = state_of(project)
        verdicts = judge(project, state.stored)
        plan = runner.plan_for(
            project, state, verdicts, ids, fresh=options.fresh, full=options.full
        )
        if options.json:
            say(json.dumps(plan.as_json(), indent=1))
        else:
            show_plan(plan)
        return DONE
    with Watcher() as watcher:
        if options.check:
            differences = runner.compare(project, ids, fresh=options.fresh, observer=watcher)
            return _checked(project, differences, as_json=options.json)
        ran = runner.run(project, ids, fresh=options.fresh, observer=watcher, full=options.full)
    report = report_on(project, ran.state, ids)
    show_report(report, as_json=options.json)
    if ran.interrupted:
        raise KeyboardInterrupt
    return code_of(report, alarm) or (ERROR if ran.errors else DONE)


def _checked(project: Project, differences: runner.Differences, *, as_json: bool) -> int:
    pages = tables.outdated(project.results, tables.pages(project, report_of(project)))
    found = {
        "verdict would change": differences.verdicts,
        "measurement would change": differences.values,
        "page would change": [f"results/{page}" for page in pages],
        "could not measure": differences.errors,
    }
    if as_json:
        say(json.dumps({what.replace(" ", "_"): list(of) for what, of in found.items()}))
    else:
        for what, names in found.items():
            for name in names:
                say(f"{what}: {name}")
    return ERROR if differences.errors else FOUND if any(found.values()) else DONE
