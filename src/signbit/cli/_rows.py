"""Rows of results, as CSV or JSON lines, to a file or to standard output."""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from signbit.errors import printable
from signbit.files import atomic_path

WriteCells = Callable[[Sequence[str]], None]


@contextmanager
def opened_rows(path: Path | None) -> Iterator[tuple[TextIO, Callable[[str], str]]]:
    """A text file for rows, and the function that prepares each text for it.

    A file is written whole or not at all. On a terminal, control characters become escapes.

    path: None for standard output.
    """
    if path is None:
        # A terminal would obey control characters in a name.
        yield sys.stdout, printable if sys.stdout.isatty() else str
        return
    with atomic_path(path) as temporary, _opened(temporary) as file:
        yield file, str


def cell_writer(file: TextIO, show: Callable[[str], str]) -> WriteCells:
    """A function that writes a row of CSV."""
    rows = csv.writer(_Lines(file))
    return lambda cells: rows.writerow(map(show, cells))


@contextmanager
def row_progress(total: int | None, out: Path | None) -> Iterator[Callable[[int], None]]:
    """A progress bar, unless the rows themselves go to the screen."""
    from signbit.progress import progress_bar

    if out is None and sys.stdout.isatty():
        yield lambda count: None
    else:
        with progress_bar("predicting", total) as advance:
            yield advance


def _opened(path: Path) -> TextIO:
    """A text file that can hold the name of any file, also one that is not valid UTF-8."""
    return path.open("w", encoding="utf-8", errors="surrogateescape", newline="")


class _Lines:
    """Writes rows of CSV to a file, each with a line feed at its end.

    The CSV writer ends a row with a carriage return and a line feed, and this class removes the
    carriage return. The writer cannot be told to end rows with a line feed alone: Python before
    3.13 then puts no quotes around a carriage return in a name.
    """

    def __init__(self, file: TextIO):
        self._file = file

    def write(self, row: str) -> int:
        return self._file.write(row.removesuffix("\r\n") + "\n")
