"""Writes the tables into the pages, or compares them."""

import argparse
import os
from pathlib import Path

from tools.tables._pages import ROOT, filled, pages


def main() -> None:
    """Exits with 1 where `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m tools.tables", description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path, help="all that have a table, without this")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args()
    chosen = [page.resolve() for page in options.pages] or pages()
    different = [page for page in chosen if filled(text := page.read_text("utf-8")) != text]
    if options.check and different:
        listed = " ".join(os.path.relpath(page, ROOT) for page in different)
        raise SystemExit(f"other tables in {listed}; write them: python -m tools.tables {listed}")
    for page in different:
        page.write_text(filled(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
