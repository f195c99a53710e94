"""The progress bar on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from signbit.errors import printable
from signbit.ranks import ranks_here

_LATE_SECONDS = 2.0


@contextmanager
def progress_bar(
    description: str, total: int | None, *, in_bytes: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show how far a job is, and the time that is left. Yields a function that adds to the count.

    total: number of images or other things, or of bytes with `in_bytes`; None if it is not known.
    """
    console = Console(stderr=True)
    # In a notebook, rich draws the bar with ipywidgets, and warns where they are missing.
    cannot_draw = console.is_jupyter and find_spec("ipywidgets") is None
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        disable=cannot_draw or not ranks_here().is_first,
    )
    with bar:
        task = bar.add_task(printable(description), total=total)
        yield lambda count: bar.advance(task, count)


@contextmanager
def late_progress_bar(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A `progress_bar` for a job that is usually short: it appears after some seconds only."""
    start, waiting, shown = time.monotonic(), 0, ExitStack()
    advance: Callable[[int], None] | None = None

    def add(count: int) -> None:
        nonlocal waiting, advance
        waiting += count
        if advance is None and time.monotonic() - start > _LATE_SECONDS:
            advance = shown.enter_context(progress_bar(description, total))
        if advance is not None:
            advance(waiting)
            waiting = 0

    with shown:
        yield add


def note(text: str) -> None:
    """Print a note on standard error, next to the progress bar. Only rank 0 prints it."""
    if not ranks_here().is_first:
        return
    Console(stderr=True).print(
        f"signbit: {printable(text)}", markup=False, highlight=False, soft_wrap=True
    )
