"""The table of metrics of a run, `metrics.csv`, with a row for each epoch."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from signbit.errors import CheckpointError, printable
from signbit.files import atomic_write, read_regular

_NAME = "metrics.csv"
# Enough for thousands of epochs of a network with a hundred layers.
_MOST_BYTES = 1 << 26


def write_metrics(folder: Path, rows: Sequence[dict[str, float]]) -> None:
    """Write the table. A metric that an epoch did not measure stays empty. Raises: OutputError."""
    buffer = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_write(folder / _NAME, buffer.getvalue())


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """The metrics of a run: for each epoch, the value of every metric that was measured in it.

    `epoch` counts from 1. Accuracies are from 0 to 1.

    folder: the folder of the run.

    Raises: CheckpointError if the table is missing or damaged.
    """
    path = folder / _NAME
    try:
        text = read_regular(path, _MOST_BYTES).decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        return [{key: float(value) for key, value in row.items() if value} for row in rows]
    except FileNotFoundError:
        raise CheckpointError(
            f"{printable(str(path))} is missing; give the folder of a run"
        ) from None
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise CheckpointError(
            f"{printable(str(path))} is damaged: {printable(str(error))}; copy it again"
        ) from error
