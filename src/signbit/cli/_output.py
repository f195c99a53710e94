"""Tables on standard output, and results as JSON."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from signbit.errors import UsageError, printable
from signbit.files import atomic_write

UNFOLDED = 1000


def say(*lines: str, err: bool = False) -> None:
    """Print lines. Control characters, and line breaks inside a line, become escapes.

    err: print to standard error, where notes go. Results go to standard output.
    """
    typer.echo("\n".join(map(printable, lines)), err=err)


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], totals: Sequence[str] = (), left: int = 1
) -> None:
    """Print a table. Its first `left` columns are aligned left, the others, of numbers, right.

    If standard output is a file, the table has no colours and is as wide as its content. Control
    characters become escapes.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, show_footer=bool(totals), pad_edge=False, padding=(0, 1, 0, 0))
    for index, title in enumerate(header):
        footer = Text(totals[index]) if totals else ""
        # Long names are broken over several lines. Half a number would read as another number.
        table.add_column(
            Text(title),
            footer,
            justify="left" if index < left else "right",
            overflow="fold",
            no_wrap=index >= left,
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    # A file has no width, so no line is broken unless COLUMNS is set.
    screen = sys.stdout.isatty() or "COLUMNS" in os.environ
    Console(highlight=False, width=None if screen else UNFOLDED).print(table)


def write_json(path: Path | None, result: Mapping[str, Any]) -> None:
    """Write a result as JSON, one line for each key, if a path is given. Raises: OutputError."""
    if path is not None:
        lines = [f" {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in result.items()]
        atomic_write(path, "{\n" + ",\n".join(lines) + "\n}\n")


def percent(share: float | None) -> str:
    """A share from 0 to 1 for the screen; '-' where there is none."""
    return "-" if share is None else f"{share:.2%}".replace("%", " %")


def require_suffix(option: str, path: Path, *suffixes: str) -> None:
    """Raises: UsageError where the name of a file to write has another ending."""
    if path.suffix not in suffixes:
        allowed = " or ".join(suffixes)
        raise UsageError(f"{option} {path}: give a name that ends in {allowed}")


def require_distinct(**files: Path | None) -> None:
    """Raises: UsageError where two files are the same. The keywords are the options' names."""
    seen: dict[Path, str] = {}
    for name, path in files.items():
        if path is None:
            continue
        option = "MODEL" if name == "model" else f"--{name.replace('_', '-')}"
        other = seen.setdefault(path.absolute(), option)
        if other != option:
            raise UsageError(f"{other} and {option} are both {path}; give two names")


def refuse_options(path: Path, options: Mapping[str, Any], kind: str) -> None:
    """Raises: UsageError where an option is given that is not for this kind of network."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(f"{path} is {kind}; leave {', '.join(given)} out")
