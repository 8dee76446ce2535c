"""``verify judge``."""

from verify import run as runner
from verify.commands import Options
from verify.commands.common import code_of, selected, show_report, words_in
from verify.load import load
from verify.report import report_of
from verify.root import find_root
from verify.say import say


def command(options: Options) -> int:
    """Judge again from stored measurements; record verdicts that changed."""
    project = load(find_root(options.project))
    alarm = words_in(options.fail_on, "--fail-on")
    changed = runner.rejudge(project, write=not options.dry_run)
    report = report_of(project, selected(project, options))
    show_report(report, as_json=options.json)
    if not options.json:
        did = "would change" if options.dry_run else "recorded"
        say(f"{len(changed)} changed verdicts {did}")
    return code_of(report, alarm)
