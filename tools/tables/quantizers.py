"""The gallery of quantizers, from the registry and the docstrings."""

import inspect
import re

from signbit.quantizers import create, quantizers
from tools.docstrings import with_lists
from tools.tables import code, markdown_table, tables, with_links
from tools.tables._docstring import field, summary, without_fields

# The end of a line before a formula, such as `y = ...`: each formula is a paragraph.
_FORMULA = re.compile(r"\n(?=[\w/()]+ = )")


@tables.register("quantizers")
def table_of_quantizers() -> str:
    """Each quantizer in a line, with a link to its place in the gallery."""
    rows = [
        (f"[`{name}`](#{name})", summary(quantizers.get(name)), _used_for(name), _values(name))
        for name in quantizers.names()
    ]
    return markdown_table(("quantizer", "what it is", "for", "values, and how they pack"), rows)


def _used_for(name: str) -> str:
    made = create(name)
    if made.distance_and_centre() is not None:
        return "activations"
    return "weights" if made.for_weights else "both"


def _values(name: str) -> str:
    return field(quantizers.get(name), "Range").removesuffix(".")


@tables.register("quantizer-gallery")
def gallery() -> str:
    """Each quantizer under a heading: its picture, formulas and source."""
    return "\n\n".join(_place(name) for name in quantizers.names())


def _place(name: str) -> str:
    entry = quantizers.get(name)
    source = field(entry, "Source")
    parts = [
        f"### {code(name)}",
        f"{summary(entry)}.",
        f"![{name}: the output y and the pseudo-gradient dy/dx](pictures/quantizers/{name}.png)",
        with_lists(_FORMULA.sub("\n\n", without_fields(inspect.getdoc(entry) or ""))),
        f"Source: {with_links(source)}" if source else "",
    ]
    return "\n\n".join(part for part in parts if part)
