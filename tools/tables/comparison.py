"""The table of other tools, from `comparison.yaml`, and in Chinese."""

from pathlib import Path

import yaml

from tools.tables import markdown_table, tables


@tables.register("comparison")
def comparison() -> str:
    """What each tool does, with versions and dates."""
    return _table("comparison.yaml")


@tables.register("comparison-zh")
def comparison_in_chinese() -> str:
    """The same table in Chinese."""
    return _table("comparison.zh-CN.yaml")


def _table(name: str) -> str:
    data = yaml.safe_load(Path(__file__).with_name(name).read_text("utf-8"))
    return markdown_table(
        ("", *data["columns"]), ((what, *row) for what, row in data["rows"].items())
    )
