"""What every page and file says of where it comes from. No clock: the ledger has the date."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verify.environment import tool_version
from verify.state import State


@dataclass(frozen=True)
class Origin:
    """Ledger head, tool, machines and date."""

    head: str | None
    tool: str
    machines: tuple[str, ...]
    date: str | None
    """Time of the ledgers' last event; the same ledger gives the same site."""

    @classmethod
    def of(cls, state: State) -> "Origin":
        """Read it off the ledgers."""
        last = [events[-1].time for events in state.ledgers.values() if events]
        machines = tuple(name for name, events in state.ledgers.items() if events)
        return cls(state.head, tool_version(), machines, max(last, default=None))

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        return {
            "head": self.head,
            "tool": f"vig-verify {self.tool}",
            "machines": list(self.machines),
            "date": self.date,
        }

    @property
    def columns(self) -> dict[str, str]:
        """Name the columns that a CSV file ends in, with their values."""
        return {
            "ledger_head": self.head or "none",
            "tool": f"vig-verify {self.tool}",
            "ledger_machines": " ".join(self.machines),
            "ledger_date": self.date or "none",
        }

    def __str__(self) -> str:
        """Say it in one line."""
        return ", ".join(f"{name.replace('_', ' ')} {of}" for name, of in self.columns.items())


def with_origin(origin: Origin, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Any]:
    """End every row of a CSV file by its origin."""
    return [[*header, *origin.columns], *([*row, *origin.columns.values()] for row in rows)]
