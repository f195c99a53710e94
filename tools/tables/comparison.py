"""The table of other tools, from `comparison.yaml`."""

from pathlib import Path

import yaml

from tools.tables import markdown_table, tables


@tables.register("comparison")
def comparison() -> str:
    """What each tool does, with versions and dates."""
    data = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return markdown_table(
        ("", *data["columns"]), ((what, *row) for what, row in data["rows"].items())
    )
