"""Every refusal of `pack` says a way out."""

import ast
import re
from pathlib import Path

import pytest

import signbit.pack

SOURCES = Path(signbit.pack.__file__ or "").parent
FIELD = "…"


def refusals() -> dict[str, str]:
    """Each message by its file and line, with FIELD for what is filled in."""
    found = {}
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in ("PackError", "refuse"):
                text = template(node.args[0])
                # The others put a place before a reason that stands elsewhere.
                if re.search(r"\w", text):
                    found[f"{path.relative_to(SOURCES)}:{node.lineno}"] = text
    return found


def _name(function: ast.expr) -> str:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.removeprefix("_")


def template(node: ast.expr) -> str:
    """A string of the source, with FIELD for what is filled in."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else FIELD for part in parts)


REFUSALS = refusals()


@pytest.mark.parametrize("place", REFUSALS)
def test_every_refusal_says_a_way_out(place: str):
    reason, _, way_out = REFUSALS[place].rpartition("; ")
    assert re.search(r"\w", reason), REFUSALS[place]
    assert len(way_out) > 5
