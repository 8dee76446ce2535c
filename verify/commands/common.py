"""What commands share that choose claims by their verdict or report on them."""

import json
from collections.abc import Sequence

from verify.commands import DONE, ERROR, FOUND, Options
from verify.console import show_entries, show_summary
from verify.errors import VerifyError
from verify.judge import judge
from verify.project import Project
from verify.refusals import suggestion
from verify.report import Report
from verify.say import say
from verify.selection import Selection, select
from verify.state import state_of
from verify.verdict import WORDS


def selected(project: Project, options: Options) -> list[str]:
    """List the ids of the claims that the options name, in claim order."""
    words = words_in(options.verdict, "--verdict")
    judged = judge(project, state_of(project).stored) if words else None
    patterns: Sequence[str] = options.patterns
    reproductions = [name for name in options.reproduction.split(",") if name]
    wanted = Selection(patterns, options.source, reproductions, words)
    return select(project, wanted, judged)


def words_in(given: str, option: str) -> list[str]:
    """Split an option's value into verdicts; refuse what is none."""
    words = [word for word in given.split(",") if word]
    for word in words:
        if word not in WORDS:
            hint = suggestion(word, WORDS) or f"; known are {', '.join(WORDS)}"
            raise VerifyError(f"{option}: want a verdict, got {word!r}{hint}")
    return words


def show_report(report: Report, *, as_json: bool) -> None:
    """Print claims, verdicts and findings."""
    if as_json:
        say(json.dumps(report.as_json(), indent=1))
    else:
        show_entries(report.entries)
        show_summary(report)


def code_of(report: Report, alarm: Sequence[str]) -> int:
    """Turn the verdicts reported, and those to be alarmed by, into an exit code."""
    words = {entry.verdict.verdict for entry in report.entries}
    if words & set(alarm):
        return FOUND
    return ERROR if "error" in words else DONE
