"""MATLAB and Octave code that runs an exported network, from templates and the graph."""

from collections.abc import Mapping, Sequence
from math import isinf
from pathlib import Path
from typing import Any

from signbit.export._interface import ExportRequest
from signbit.export._template import template
from signbit.format import Input, Output, PackedModel
from signbit.format.parameters import node_name
from signbit.format.types import BITS, F32, U8
from signbit.runtime.samples import value_shape


def write_scripts(request: ExportRequest, folder: Path) -> None:
    """Write `NAME_run.m` and `NAME_node.m`, which run the network, and its graph `NAME_graph.m`."""
    name, model = request.name, request.model
    words = _of_image(model, name) if model.signature.is_of_images else _of_names(model, name)
    words |= {
        "NAME": name,
        "NODES": graph_nodes(model),
        "FIRST": node_name(len(model.inputs)),
        "TAKEN": "\n".join(
            _struct({"name": one.name, "kind": one.kind, "size": one.type[1:]})
            for one in model.inputs
        ),
        "GIVEN": "\n".join(
            _struct({"name": one.name, "kind": one.kind, "node": one.node, "rank": one.rank})
            for one in model.outputs
        ),
    }
    for script in ("run", "node", "graph"):
        text = template("mat", f"{script}.m", **words)
        (folder / f"{name}_{script}.m").write_text(text, encoding="ascii", newline="\n")


def _of_image(model: PackedModel, name: str) -> dict[str, str]:
    """The words of the scripts for an image and its scores."""
    (image,) = model.inputs
    return {
        "SAMPLES": "images",
        "PIXELS": "pixels",
        "VALUES": f"0 is the {image.name}",
        "OUTCOME": f"the {model.outputs[0].name}",
        "USAGE": f"%   scores = {name}_run(pixels) returns (images, classes) for uint8 (images, "
        "height, width, channels).",
    }


def _of_names(model: PackedModel, name: str) -> dict[str, str]:
    """The words of the scripts for any inputs and outputs."""
    taken, given = (", ".join(one.name for one in ends) for ends in (model.inputs, model.outputs))
    last = len(model.inputs) - 1
    return {
        "SAMPLES": "samples",
        "PIXELS": "codes",
        "VALUES": f"0 to {last} are the inputs" if last else f"0 is {model.inputs[0].name}",
        "OUTCOME": "the outputs",
        "USAGE": "\n".join(
            [
                f"%   [{given}] = ...",
                f"%       {name}_run({taken})",
                "%   returns the outputs for the inputs:",
                *(f"%     {one.name}: {_taken(one)}" for one in model.inputs),
                "%   The outputs are double:",
                *(f"%     {one.name}: {_given(model, one)}" for one in model.outputs),
            ]
        ),
    }


_TYPES = {U8: "uint8", F32: "single", BITS: "int8 of -1 and +1"}


def _taken(one: Input) -> str:
    return f"{_TYPES[one.kind]}, {_size(one.shape)}"


def _given(model: PackedModel, one: Output) -> str:
    value = model.types[one.node]
    return _size(value_shape(value, one.rank)) + (" of -1 and +1" if value.kind == BITS else "")


def _size(shape: Sequence[int]) -> str:
    return f"(samples, {', '.join(map(str, shape))})"


def graph_nodes(model: PackedModel) -> str:
    """The nodes as structs, one line for each."""
    lines = []
    for number, node in model.numbered():
        fields = {"op": node.op, "inputs": node.inputs, "kind": model.types[number].kind}
        lines.append(_struct({**fields, **node.attributes}))
    return "\n".join(lines)


def _struct(fields: Mapping[str, Any]) -> str:
    pairs = [f"'{key}', {_literal(value)}" for key, value in fields.items()]
    return f"    struct({', '.join(pairs)})"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # an identifier; it needs no escapes
        return f"'{value}'"
    if isinstance(value, Sequence) and isinstance(value[0], str):
        # Two braces, because `struct` makes an array of structs from the elements of one cell.
        return f"{{{{{', '.join(map(_literal, value))}}}}}"
    if isinstance(value, Sequence):
        return f"[{' '.join(map(_literal, value))}]"
    if isinstance(value, float) and isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)
