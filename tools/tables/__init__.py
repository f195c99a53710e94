"""Tables of the documentation that are made from their data.

    python -m tools.tables              # writes them into the pages
    python -m tools.tables --check      # fails where a page has another table, and says which
    python -m tools.tables docs/models.md

A page of `docs/`, or a README, marks the place of a table with two lines:

    <!-- table: models -->
    <!-- end -->

A module of this package registers a function under that name. The function returns the text that
stands between the two lines. A table may stand on several pages.

    @tables.register("models")
    def models_table() -> str:
        return markdown_table(("model", "bytes"), [("`a`", "1,024")])
"""

from collections.abc import Callable

from signbit.registry import Registry
from tools.tables._markdown import code, markdown_table, with_links

__all__ = ["code", "markdown_table", "tables", "with_links"]

tables: Registry[Callable[[], str]] = Registry("table", "tools.tables")
