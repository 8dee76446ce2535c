"""The command line: arguments and exit codes, no logic. Each command is a module."""

import argparse
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from verify.errors import VerifyError

INTERRUPTED = 130
BROKEN_PIPE = 141
_SOURCES = "folder with the documents, known by SHA-256"


def script() -> int:
    """Be the whole process: ``verify`` and ``python -m verify``."""
    # Commands leave next to no cycles: looking for them takes a tenth of the time and frees 1 MB.
    gc.disable()
    # pydantic looks for plugins in all that is installed; none is to change what claims mean.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code = main()
    # The interpreter looks once more as it ends, and that takes another tenth.
    gc.freeze()
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 done, 1 ``--fail-on``, ``--check`` or ``selftest`` found something, a text is not
        where it is wanted or a number is uncovered, 2 bad input, 3 an ``error`` verdict,
        4 a damaged ledger, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an ASCII terminal has no check mark
    try:
        # Here, so that --help loads neither pydantic nor rich, and a command loads its own.
        code: int = import_module(f"verify.commands.{options.module}").command(options)
        sys.stdout.flush()
    except VerifyError as error:
        print(f"verify: {error}", file=sys.stderr)  # noqa: T201 - the one place errors are shown
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`verify list | head`); keep the interpreter from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify",
        description="Verify published claims about Vision GNNs by running the models.",
        epilog="One claim by hand: python -m reproductions NAME '{params}'. "
        "Exit codes: 0 done, 1 --fail-on, --check or selftest found something, a text is not "
        "where it is wanted (ground, locate) or a number is uncovered (coverage), 2 bad input, "
        "3 an error verdict, 4 a damaged ledger.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    parser.add_argument("--project", type=Path, metavar="DIR", help="folder with claims.yaml")
    parser.set_defaults(module="overview")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--project", type=Path, metavar="DIR", default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="write JSON for programs")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=[common])
        command.set_defaults(module=name)
        return command

    every = add("all", "measure what is missing or stale, judge, print the ledger")
    every.set_defaults(module="run", patterns=[])
    _running(every)
    every.add_argument("--check", action="store_true", help="write nothing; exit 1 on changes")
    some = add("run", "the same for some claims and their sibling rows")
    some.add_argument("patterns", nargs="+", metavar="ID|GLOB")
    some.set_defaults(check=False)
    _running(some)
    _selecting(add("list", "list claims and their verdicts"), patterns=True)
    one = add("show", "explain one verdict")
    one.add_argument("id", metavar="ID")
    add("lint", "check claims.yaml and claims/ without measuring")
    add("doctor", "what this machine can settle now, what would unblock the rest")
    add("selftest", "judge decoys made from every claim, planted mistakes and noise")
    again = add("judge", "judge again from stored measurements")
    again.add_argument("--dry-run", action="store_true", help="record nothing")
    _failing(again)
    _selecting(again, patterns=True)
    where = add("ground", "find every claim's place in the documents, compare the print")
    where.add_argument("--sources", type=Path, metavar="DIR", required=True, help=_SOURCES)
    _selecting(where, patterns=True)
    place = add("locate", "print where a text stands, as locators to paste")
    place.add_argument("document", metavar="DOCUMENT", help="its name in claims.yaml, or a file")
    place.add_argument("text", metavar="TEXT", help="a printed number, or words")
    place.add_argument("--sources", type=Path, metavar="DIR", help=_SOURCES)
    for name, text, options in _FURTHER:
        options(add(name, text))
    return parser


def _running(command: argparse.ArgumentParser) -> None:
    command.add_argument("--fresh", action="store_true", help="measure again what is current")
    command.add_argument(
        "--full", action="store_true", help="see all images, even once every claim is decided"
    )
    command.add_argument("--dry-run", action="store_true", help="show the plan, measure nothing")
    _failing(command)
    _selecting(command, patterns=False)


def _failing(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--fail-on", metavar="VERDICT[,...]", default="", help="exit 1 if a claim has it"
    )


def _selecting(command: argparse.ArgumentParser, *, patterns: bool) -> None:
    if patterns:
        command.add_argument("patterns", nargs="*", metavar="ID|GLOB")
    command.add_argument("--source", metavar="NAME", help="only claims of this document")
    command.add_argument(
        "--reproduction", metavar="NAME[,...]", default="", help="only claims that need one of them"
    )
    command.add_argument("--verdict", metavar="VERDICT[,...]", default="", help="only these")


def _fetching(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", metavar="NAME|PATTERN", help="none: list them all")
    command.add_argument(
        "--from", type=Path, metavar="FILE", dest="given", help="take a file you have already"
    )
    command.add_argument("--dry-run", action="store_true", help="say what would be fetched")
    command.add_argument("--cache", type=Path, metavar="DIR", help="in place of ~/.cache")


def _covering(command: argparse.ArgumentParser) -> None:
    command.add_argument("--sources", type=Path, metavar="DIR", required=True, help=_SOURCES)
    command.add_argument("--source", metavar="NAME", help="only this document")


def _extracting(command: argparse.ArgumentParser) -> None:
    command.add_argument("document", metavar="DOCUMENT", help="Markdown, text, LaTeX or HTML")
    command.add_argument("--table", metavar="N", help="only this table")
    command.add_argument("--section", metavar="S", help="the numbers of this section's text")
    command.add_argument("--source", metavar="NAME", help="what claims call the document")
    command.add_argument("--out", type=Path, metavar="FILE", help="write there, not to stdout")


def _starting(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="DIR", help="where; made if it is not there")


def _publish(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "what", choices=["tables", "site"], help="pages below results/, or a site of its own"
    )
    command.add_argument("--check", action="store_true", help="write nothing; exit 1 on changes")
    command.add_argument("--out", type=Path, metavar="DIR", help="site: its folder (default: site)")


def _ledger(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=["check", "show"])
    command.add_argument("--expect-head", metavar="HASH", help="check: a head noted elsewhere")
    command.add_argument("--type", metavar="EVENT", help="show: only events of this type")
    command.add_argument("--claim", metavar="ID", help="show: only verdicts on this claim")


def _diff(command: argparse.ArgumentParser) -> None:
    sides = "a ledger, a folder of ledgers, a machine of results/ or a commit"
    command.add_argument("before", metavar="A", help=sides)
    command.add_argument("after", metavar="B", help="likewise")
    command.add_argument("--check", action="store_true", help="exit 1 if anything changed")


_FURTHER = (
    ("fetch", "list weights and data sets, or fetch some, checked and resumable", _fetching),
    ("coverage", "list every printed number that no claim is about", _covering),
    ("extract", "write a claim file of what a document prints, ready to edit", _extracting),
    ("init", "start a project of your own, with an example", _starting),
    ("publish", "write pages from the ledger", _publish),
    ("ledger", "check or show the ledgers", _ledger),
    ("diff", "say which verdicts changed between two ledgers, and what moved", _diff),
)
"""Name, help and options of the commands that have options of their own."""
