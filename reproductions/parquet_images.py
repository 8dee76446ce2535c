"""Images in parquet files, as the Hugging Face cache has them; wants pyarrow."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from reproductions.contract import NotMeasurableError

__all__ = ["Row", "parquet_images"]


@dataclass(frozen=True)
class Row:
    """One image of a parquet file."""

    name: str
    """The file and the number of the row."""
    picture: str
    """What the picture was called."""
    label: int
    size: int


def parquet_images(
    name: str, place: Path, files: Sequence[Path]
) -> tuple[list[Row], Callable[[str], bytes]]:
    """List the images of parquet files with the columns ``image`` and ``label``.

    Returns:
        The rows, and what reads a picture by the name of its row.

    Raises:
        NotMeasurableError: pyarrow is missing, or a file is no such file.
    """
    try:
        parquet = import_module("pyarrow.parquet")
        errors = import_module("pyarrow").ArrowException
    except ImportError as error:
        raise NotMeasurableError(
            f"wants pyarrow to read the data set {name} from parquet files, found none; run "
            "`pip install pyarrow`, or give a folder of synsets"
        ) from error
    rows, readers = [], {}
    for file in files:
        short = file.relative_to(place).as_posix()
        try:
            reader = _Reader(parquet.ParquetFile(file))
            rows += reader.rows(short)
        except (OSError, KeyError, TypeError, errors) as error:
            told = " ".join(str(error).split())[:200]
            raise NotMeasurableError(
                f"wants the data set {name} with images and labels in {short}, found a file that "
                f"cannot be read so ({told}); fetch it again"
            ) from error
        readers[short] = reader

    def read(row: str) -> bytes:
        short, _, number = row.rpartition("#")
        return readers[short].picture(int(number))

    return rows, read


class _Reader:
    """One file. A group of rows is read whole, and kept until another one is asked for."""

    def __init__(self, file: Any) -> None:
        self.file = file
        sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        self.starts = [sum(sizes[:group]) for group in range(len(sizes))]
        self.lock = threading.Lock()
        self.group = -1
        self.kept: list[bytes] = []

    def rows(self, short: str) -> list[Row]:
        found: list[Row] = []
        for group in range(self.file.num_row_groups):
            columns = self.file.read_row_group(group, columns=["image", "label"]).to_pydict()
            for image, label in zip(columns["image"], columns["label"], strict=True):
                name = f"{short}#{len(found):06d}"
                found.append(Row(name, str(image["path"]), int(label), len(image["bytes"])))
        return found

    def picture(self, number: int) -> bytes:
        group = bisect_right(self.starts, number) - 1
        with self.lock:
            if group != self.group:
                column = self.file.read_row_group(group, columns=["image"]).to_pydict()["image"]
                self.group, self.kept = group, [image["bytes"] for image in column]
            return bytes(self.kept[number - self.starts[group]])
