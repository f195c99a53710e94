"""From the operators of a file to a packed network."""

from pathlib import Path

import torch

from signbit.errors import ConvertError, SignbitError, first_line, printable
from signbit.format import PackedModel
from signbit.importers._graph import Graph
from signbit.importers._interface import Given
from signbit.importers._pack import packed
from signbit.importers.onnx._attributes import values_of
from signbit.importers.onnx._call import FLOAT, Call, Network
from signbit.importers.onnx._file import Node, read_content
from signbit.importers.onnx._first_scale import with_first_scale
from signbit.importers.onnx._inputs import Entry, batch_of, entries_of
from signbit.importers.onnx._notes import Notes
from signbit.importers.onnx._operators import operator_of

# What a damaged file can raise in code that reads one of its operators.
_DAMAGED = (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, MemoryError)


def network(path: Path, given: Given) -> PackedModel:
    """The packed network. Raises: ConvertError that names the operator and the reason."""
    content = read_content(path)
    batch, notes = batch_of(content), Notes(content)
    entries = []
    for entry in entries_of(content, given):
        content, scaled = with_first_scale(content, entry)
        entries.append(scaled)
    shapes = {one.value.name: one.shape for one in entries}
    known = Network(content, Graph(str(path), shapes), batch)
    for name, value in content.constants.items():
        known.graph.set_constant(name, value)
    for entry in entries:
        _enter(known, entry)
    for node in content.nodes:
        _add(known, node)
    outputs = [known.names.get(one.name, one.name) for one in content.outputs]
    names = {inner: one.name for inner, one in zip(outputs, content.outputs, strict=True)}
    info = {"producer": printable(content.producer)}
    completed = notes.complete(given, [one.input for one in entries])
    model = packed(path, known.graph, shapes, outputs, completed, "onnx", names, info)
    return notes.restore(model, given)


def _enter(known: Network, entry: Entry) -> None:
    """Add an input of the file, with the order of axes and the type that it has there."""
    name, convert = entry.value.name, entry.conversion()
    if convert is not None:
        inner = f"{name} in the file"
        known.graph.add("Input", f"input {name}", [name], [inner], convert)
        known.names[name] = inner
    if entry.type not in (FLOAT, torch.bool):
        known.types[known.names.get(name, name)] = entry.type


def _add(known: Network, node: Node) -> None:
    """Add an operator to the graph, or its result to the constants."""
    try:
        operator = operator_of(node.domain, node.kind)
        least, most = operator.inputs
        if not least <= len(node.inputs) <= most or not all(node.inputs[:least]):
            raise ValueError(f"{len(node.inputs)} inputs; {least} to {most} are allowed")
        given = values_of(operator.attributes, node.attributes)
        operator.reader(Call(known, node, operator, given))
    except SignbitError:
        raise
    except _DAMAGED as error:
        raise known.graph.refuse(node.label, node.kind, first_line(error)) from error
