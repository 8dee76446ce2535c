"""Printed numbers that no claim is about, listed with a reason: the shape of ``ignored``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from verify.figure import Name, Strict, Text


class Ignored(Strict):
    """Numbers of a document that ``verify coverage`` passes over: cells, or a printed string."""

    source: Name
    table: Text | None = None
    row: Text | None = None
    """Only this row; absent: every row, also what the rows are called."""
    column: Text | None = None
    """Only this column; absent: every column."""
    section: Text | None = None
    """Where the string stands; absent: the whole document."""
    printed: Text | None = None
    """The string, as a locator has it; of cells, only where they print it."""
    occurrence: Annotated[int, Field(ge=1)] | Literal["every"] = 1
    """Which one in the section."""
    because: Text

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.table is None and self.printed is None:
            raise ValueError("want table, or printed, perhaps with section; got neither")
        if self.table is not None and self.section is not None:
            raise ValueError("want either table or section, got both; split the entry")
        if self.table is None and (self.row or self.column):
            raise ValueError("want row and column only beside table, got no table; name it")
        if self.table is not None and self.occurrence != 1:
            raise ValueError("want occurrence only for running text, got it beside table")
        return self

    def __str__(self) -> str:
        """Say where, for a human."""
        if self.table is not None:
            parts = [f"Table {self.table}"]
            parts += [f"row {self.row}"] if self.row is not None else []
            parts += [f"column {self.column}"] if self.column is not None else []
            return ", ".join(parts)
        where = f"Section {self.section}, " if self.section is not None else ""
        return f"{where}{self.printed!r} (occurrence {self.occurrence})"
