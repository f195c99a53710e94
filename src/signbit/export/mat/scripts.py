"""MATLAB and Octave code that runs an exported network: templates, and its graph as data."""

from collections.abc import Sequence
from math import isinf
from pathlib import Path
from typing import Any

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.format import PackedModel


def write_scripts(request: ExportRequest, folder: Path) -> None:
    """`NAME_run.m` and `NAME_node.m` run the network on bits; `NAME_graph.m` is its graph."""
    name = request.name
    words = {"NAME": name, "NODES": graph_nodes(request.model)}
    for script in ("run", "node", "graph"):
        text = template("mat", f"{script}.m", **words)
        (folder / f"{name}_{script}.m").write_text(text, encoding="ascii", newline="\n")


def graph_nodes(model: PackedModel) -> str:
    """The nodes as a struct each, a line a node."""
    lines = []
    for number, node in enumerate(model.nodes, 1):
        fields = {"op": node.op, "inputs": node.inputs, "kind": model.types[number].kind}
        pairs = [
            f"'{key}', {_literal(value)}" for key, value in {**fields, **node.attributes}.items()
        ]
        lines.append(f"    struct({', '.join(pairs)})")
    return "\n".join(lines)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # an operation, a kind or a function, letters and underscores
        return f"'{value}'"
    if isinstance(value, Sequence) and isinstance(value[0], str):
        # Two braces: `struct` makes an array of structs of the elements of a cell.
        return f"{{{{{', '.join(map(_literal, value))}}}}}"
    if isinstance(value, Sequence):
        return f"[{' '.join(map(_literal, value))}]"
    if isinstance(value, float) and isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)
