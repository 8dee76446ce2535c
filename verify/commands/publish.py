"""``verify publish``."""

import json
from pathlib import Path

from verify.commands import DONE, FOUND, Options
from verify.errors import VerifyError
from verify.ledger_check import require_whole
from verify.load import load
from verify.project import Project
from verify.publish import tables
from verify.report import report_on
from verify.root import find_root
from verify.say import say
from verify.state import State, state_of

_MOST_NAMED = 20
_SITE = "site"
"""The folder a site is written to if none is named."""


def command(options: Options) -> int:
    """Write the pages, or say which would change."""
    project = load(find_root(options.project))
    state = state_of(project)
    require_whole(project.results, state.ledgers, state.torn)
    if options.what == "site":
        return _site(project, state, options)
    if options.out is not None:
        raise VerifyError("--out: want it with `publish site`, got it with tables; leave it out")
    pages = tables.pages(project, report_on(project, state))
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


def _site(project: Project, state: State, options: Options) -> int:
    # Here, so that tables are published without loading the templates.
    from verify.publish.site import folder  # noqa: PLC0415
    from verify.publish.site.facts import Facts  # noqa: PLC0415
    from verify.publish.site.origin import Origin  # noqa: PLC0415
    from verify.publish.site.pages import Pages  # noqa: PLC0415

    out: Path = project.root / _SITE if options.out is None else options.out
    facts = Facts(project, state, report_on(project, state))
    files = Pages(facts, Origin.of(state)).everything()
    if options.check:
        return _checked(list(folder.outdated(out, files, facts)), as_json=options.json)
    number = folder.write(out, files)
    if options.json:
        say(json.dumps({"wrote": str(out), "files": number, "head": state.head}))
    else:
        say(f"wrote {out}: {number} files; open {out / 'index.html'}")
    return DONE


def _checked(found: list[str], *, as_json: bool) -> int:
    """Report what a site has that the ledger has not."""
    if as_json:
        say(json.dumps({"would_change": found}))
        return FOUND if found else DONE
    for line in found[:_MOST_NAMED]:
        say(line)
    if len(found) > _MOST_NAMED:
        say(f"and {len(found) - _MOST_NAMED} more")
    if not found:
        say("every page, file and number is the ledger's")
    return FOUND if found else DONE
