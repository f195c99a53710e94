"""MATLAB and Octave code that runs an exported network, from templates and the graph."""

from collections.abc import Sequence
from math import isinf
from pathlib import Path
from typing import Any

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.format import PackedModel


def write_scripts(request: ExportRequest, folder: Path) -> None:
    """Write `NAME_run.m` and `NAME_node.m`, which run the network, and its graph `NAME_graph.m`."""
    name = request.name
    words = {"NAME": name, "NODES": graph_nodes(request.model)}
    for script in ("run", "node", "graph"):
        text = template("mat", f"{script}.m", **words)
        (folder / f"{name}_{script}.m").write_text(text, encoding="ascii", newline="\n")


def graph_nodes(model: PackedModel) -> str:
    """The nodes as structs, one line for each."""
    lines = []
    for number, node in model.numbered():
        fields = {"op": node.op, "inputs": node.inputs, "kind": model.types[number].kind}
        pairs = [
            f"'{key}', {_literal(value)}" for key, value in {**fields, **node.attributes}.items()
        ]
        lines.append(f"    struct({', '.join(pairs)})")
    return "\n".join(lines)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # the name of an operation, kind or function; it needs no escapes
        return f"'{value}'"
    if isinstance(value, Sequence) and isinstance(value[0], str):
        # Two braces, because `struct` makes an array of structs from the elements of one cell.
        return f"{{{{{', '.join(map(_literal, value))}}}}}"
    if isinstance(value, Sequence):
        return f"[{' '.join(map(_literal, value))}]"
    if isinstance(value, float) and isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)
