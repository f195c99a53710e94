"""MATLAB and Octave code that runs an exported network: templates, and its graph as data."""

from collections.abc import Sequence
from importlib.resources import files
from math import isinf
from pathlib import Path
from typing import Any

from signbit.export._interface import ExportRequest
from signbit.format import PackedModel

TEMPLATES = files("signbit.export") / "_mat"

_GRAPH = """\
function nodes = {name}_graph()
%{name}_graph  The nodes of {name} in order; inputs says what each reads, 0 being the pixels.
%   kind is what a node gives: bits (-1 and +1), i32 (whole sums) or f32. kernel, stride and
%   dilation are [height width], padding is [top left bottom right]. The arrays of the first node
%   are n01_weight and so on.

nodes = {{
{nodes}
}};
end
"""


def write_scripts(request: ExportRequest, folder: Path) -> None:
    """`NAME_run.m` and `NAME_node.m` run the network on bits; `NAME_graph.m` is its graph."""
    name = request.name
    for template in ("run", "node"):
        text = (TEMPLATES / f"{template}.m").read_text(encoding="ascii").replace("NAME", name)
        _write(folder / f"{name}_{template}.m", text)
    _write(folder / f"{name}_graph.m", graph(request.model, name))


def graph(model: PackedModel, name: str) -> str:
    """A function that gives the nodes, a cell array of structs."""
    lines = []
    for number, node in enumerate(model.nodes, 1):
        fields = {"op": node.op, "inputs": node.inputs, "kind": model.types[number].kind}
        pairs = [
            f"'{key}', {_literal(value)}" for key, value in {**fields, **node.attributes}.items()
        ]
        lines.append(f"    struct({', '.join(pairs)})")
    return _GRAPH.format(name=name, nodes="\n".join(lines))


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # an operation or a kind, letters and underscores
        return f"'{value}'"
    if isinstance(value, Sequence):
        return f"[{' '.join(map(_literal, value))}]"
    if isinstance(value, float) and isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii", newline="\n")
