"""A Griffe extension: the fields of this project's docstrings become lists in the site.

A docstring describes a parameter, an attribute, `Shape:`, `Raises:` or `Source:` as `name: text` at
the beginning of a line. Indented lines continue the text. Markdown alone would join all fields to
one paragraph.
"""

import re
from typing import Any

from griffe import Extension, Object

_FIELD = re.compile(r"(?P<names>\w+(?:, \w+)*): +(?P<text>.*)")


class FieldLists(Extension):
    """Rewrites the docstring of each object."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Called by Griffe when an object is complete."""
        if obj.docstring is not None:
            obj.docstring.value = with_lists(obj.docstring.value)


def with_lists(docstring: str) -> str:
    """The text with each field as an item of a list."""
    lines: list[str] = []
    in_field = after_item = False
    for line in docstring.splitlines():
        field = _FIELD.fullmatch(line)
        # Only the first word of a paragraph, or of a line after a field, is a field.
        begins = not lines or not lines[-1].strip() or in_field
        if field and lines and begins:
            if not after_item and lines[-1].strip():
                lines.append("")
            names = ", ".join(f"**{name}**" for name in field["names"].split(", "))
            lines.append(f"- {names}: {field['text']}")
            in_field = after_item = True
        elif not line.strip():
            in_field = False
            lines.append(line)
        else:
            if in_field and not line.startswith(" "):
                # Text after a field is a paragraph of its own.
                lines.append("")
            in_field = in_field and line.startswith(" ")
            after_item = in_field
            lines.append(line)
    return "\n".join(lines)
