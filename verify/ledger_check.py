"""Whether the ledgers of a project are whole, and still what they were."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from verify.errors import LedgerDamagedError, VerifyError
from verify.ledger import LEDGER, NO_EVENT, Event, combined_head, open_ledgers


def check(results: Path, expect_head: str | None = None) -> list[str]:
    """Verify every chain under ``results``, and that none was shortened since ``expect_head``.

    Args:
        results: folder of the ledgers.
        expect_head: 12 to 64 hex digits, the start of the combined head kept elsewhere.

    Returns:
        A line for each machine and one for the combined head, for people to read.

    Raises:
        LedgerDamagedError: a ledger is cut short or empty, its chain or the head does not hold.
        VerifyError: ``expect_head`` is no such start, or something cannot be read.
    """
    if expect_head is not None and not re.fullmatch("[0-9a-f]{12,64}", expect_head.lower()):
        raise VerifyError(f"head: want 12 to 64 hex digits, found {expect_head!r}; copy it again")
    found = open_ledgers(results)
    events = {machine: ledger.events() for machine, ledger in found.items()}
    require_whole(results, events, {name for name, ledger in found.items() if ledger.torn})
    head = combined_head(events)
    if expect_head is not None and not (head or "").startswith(expect_head.lower()):
        raise LedgerDamagedError(
            f"{results}: want head {expect_head}, found {head or 'no events'}; "
            f"restore the ledgers from version control"
        )
    lines = [
        f"{name}: {len(chain)} events, head {chain[-1].sha256 if chain else NO_EVENT}"
        for name, chain in events.items()
    ]
    return [*lines, f"combined head {head}" if head else "no events"]


def require_whole(
    results: Path, ledgers: Mapping[str, Sequence[Event]], torn: Collection[str]
) -> None:
    """Refuse ledgers that do not end as they were written: cut short, or empty.

    Args:
        results: folder of the ledgers.
        ledgers: the finished events by machine.
        torn: the machines whose ledger ends in an unfinished line.

    Raises:
        LedgerDamagedError: naming the first of them.
    """
    for machine, events in ledgers.items():
        path = results / machine / LEDGER
        if machine in torn:
            raise LedgerDamagedError(
                f"{path}:{len(events) + 1}: want a finished line, found one that "
                f"a crash cut short; the next run sets it aside, or restore the file"
            )
        if not events:
            raise LedgerDamagedError(
                f"{path}: want events, found an empty file; restore it from version control, or "
                "remove it if nothing was measured on that machine"
            )
