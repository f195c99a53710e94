"""Fills the marked places of pages."""

import re
from collections.abc import Iterator
from pathlib import Path

from tools.tables import tables

ROOT = Path(__file__).resolve().parents[2]
_START = "<!-- table: "
_PLACE = re.compile(rf"^{_START}([\w-]+) -->\n(?:(?!^{_START}).)*?^<!-- end -->$", re.M | re.S)


def pages() -> list[Path]:
    """The READMEs and the pages of `docs/` that have a table, sorted."""
    found = [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path for path in found if _START in path.read_text("utf-8"))


def names(text: str) -> Iterator[str]:
    """The tables of a page, in order. Raises: ValueError where a mark has no end."""
    found = _PLACE.findall(text)
    if len(found) != text.count(_START):
        raise ValueError(
            f"{text.count(_START)} marks '{_START}NAME -->', {len(found)} of them with their "
            "'<!-- end -->'; each mark is a line, and needs one"
        )
    yield from found


def filled(text: str) -> str:
    """The page with its tables made anew. Raises: ValueError, UsageError for an unknown table."""
    made = {name: tables.get(name)() for name in names(text)}
    return _PLACE.sub(
        lambda place: f"{_START}{place[1]} -->\n\n{made[place[1]].strip()}\n\n<!-- end -->", text
    )
