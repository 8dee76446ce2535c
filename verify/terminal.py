"""The parts of the console that only a terminal shows. Loads rich."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text


def print_table(titles: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> None:
    """Print rows of text as a table; each comes with the style of its last cell."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    for cells, style in rows:
        *plain, last = cells
        table.add_row(*(Text(cell) for cell in plain), Text(last, style=style))
    Console(highlight=False).print(table)


class Bar:
    """A progress bar with the time left, on standard error."""

    def __init__(self, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(
            *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
        )
        self.task = self.progress.add_task("measuring", total=total)
        self.progress.start()

    def name(self, what: str) -> None:
        """Say what is being done."""
        self.progress.update(self.task, description=what)

    def advance(self) -> None:
        """Count one more as done."""
        self.progress.advance(self.task)

    def say(self, line: str) -> None:
        """Print trouble above the bar."""
        self.progress.console.print(Text(line, style="magenta"))

    def stop(self) -> None:
        """Take the bar away."""
        self.progress.stop()


class ByteBar:
    """A progress bar over the bytes of one file, with speed and time left, on standard error."""

    def __init__(self, name: str, done: int, total: int | None) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        self.progress = Progress(
            *columns,
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.progress.add_task(name, total=total, completed=done)
        self.progress.start()

    def reached(self, done: int) -> None:
        """Show how many bytes are there."""
        self.progress.update(self.task, completed=done)

    def stop(self) -> None:
        """Take the bar away."""
        self.progress.stop()
