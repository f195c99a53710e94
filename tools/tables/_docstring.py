"""The parts of this project's docstrings: a first line, text, and fields such as `Source:`."""

import inspect
import re

_FIELD = re.compile(r"^(Shape|Range|Raises|Source): +(.*(?:\n +.*)*)", re.MULTILINE)


def summary(entry: object) -> str:
    """The first line, without its full stop."""
    return (inspect.getdoc(entry) or "").partition("\n")[0].removesuffix(".")


def field(entry: object, name: str) -> str:
    """The text after `NAME:` on one line; empty where there is none."""
    found = dict(_FIELD.findall(inspect.getdoc(entry) or ""))
    return " ".join(found.get(name, "").split())


def without_fields(docstring: str) -> str:
    """The text between the first line and the fields."""
    return _FIELD.sub("", docstring.partition("\n")[2]).strip()
