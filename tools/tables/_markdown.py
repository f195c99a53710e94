"""Pieces of Markdown that tables are made of."""

import re
from collections.abc import Iterable, Sequence

_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{5})")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, one line a row. A `|` inside a cell is escaped.

    Raises: ValueError where a row has more or fewer cells than the header.
    """
    return "".join(_line(header, row) for row in [header, ["---"] * len(header), *rows])


def _line(header: Sequence[str], row: Sequence[str]) -> str:
    if len(row) != len(header):
        raise ValueError(f"a row has {len(row)} cells, the header has {len(header)}: {row}")
    cells = (cell.replace("|", r"\|") for cell in row)
    return f"| {' | '.join(cells)} |\n"


def code(text: str) -> str:
    """The text as code."""
    return f"`{text}`"


def with_links(text: str) -> str:
    """The text, where each `arXiv:NUMBER` is a link to that paper."""
    return _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
