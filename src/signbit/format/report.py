"""The table that says what each module became when a network was packed."""

from collections.abc import Mapping
from typing import Any

from signbit.errors import ModelFormatError, printable

HEADER = ("module", "type", "became", "why", "bits before", "after")
# The number of columns of text. Columns of numbers follow.
LEFT = 4


def report_rows(info: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Rows for the modules in a model's info, as `pack` wrote them, and the row of totals.

    Raises: ModelFormatError where the info of a file holds something else there.
    """
    try:
        modules = list(info.get("modules", ()))
        rows = [
            (
                *(printable(module[key]) for key in ("module", "type", "became", "why")),
                f"{module['bits_before']:,}",
                f"{module['bits_after']:,}",
            )
            for module in modules
        ]
        totals = [sum(module[key] for module in modules) for key in ("bits_before", "bits_after")]
        return rows, ("total", "", "", "", *(f"{total:,}" for total in totals))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFormatError("info 'modules' is not the table that `pack` writes") from error


def as_text(info: Mapping[str, Any]) -> str:
    """The table as lines of text, columns aligned."""
    rows, totals = report_rows(info)
    lines = [HEADER, *rows, totals]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if index < LEFT else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
