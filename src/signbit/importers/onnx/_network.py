"""From the operators of a file to a packed network."""

from pathlib import Path

import torch

from signbit.errors import SignbitError, first_line, printable
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
from signbit.importers.onnx._own import with_affines

# What a damaged file can raise in code that reads one of its operators.
_DAMAGED = (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, MemoryError)


def network(path: Path, given: Given) -> PackedModel:
    """The packed network. Raises: ConvertError that names the operator and the reason."""
    known, entries = opened(path, given)
    content, notes = known.content, Notes(known.content)
    outputs = [_output(known, one.name) for one in content.outputs]
    names = {inner: one.name for inner, one in zip(outputs, content.outputs, strict=True)}
    info = {"producer": printable(content.producer)}
    completed = notes.complete(given, [one.input for one in entries])
    model = packed(path, known.graph, _shapes(entries), outputs, completed, "onnx", names, info)
    return notes.restore(model, given)


def opened(path: Path, given: Given) -> tuple[Network, list[Entry]]:
    """The operators of a file in a graph, and its inputs. Raises: as `network`."""
    content = with_affines(read_content(path))
    batch = batch_of(content)
    entries = []
    for entry in entries_of(content, given):
        content, scaled = with_first_scale(content, entry)
        entries.append(scaled)
    known = Network(content, Graph(str(path), _shapes(entries)), batch)
    for name, value in content.constants.items():
        known.graph.set_constant(name, value)
    for entry in entries:
        _enter(known, entry)
    for node in content.nodes:
        _add(known, node)
    return known, entries


def _shapes(entries: list[Entry]) -> dict[str, tuple[int, ...]]:
    return {one.value.name: one.shape for one in entries}


def _enter(known: Network, entry: Entry) -> None:
    """Add an input of the file, with the order of axes and the type that it has there."""
    name, convert = entry.value.name, entry.conversion()
    if convert is not None:
        inner = f"{name} in the file"
        known.graph.add("Input", f"input {name}", [name], [inner], convert)
        known.names[name] = inner
    if entry.type not in (FLOAT, torch.bool):
        known.types[known.names.get(name, name)] = entry.type


def _output(known: Network, name: str) -> str:
    """The name in the graph of an output. Truth values become +1 and -1."""
    name = known.names.get(name, name)
    if not known.graph.knows(name) or known.graph.example(name).dtype != torch.bool:
        return name
    signs = f"{name} as signs"
    known.graph.add(
        "Output", f"output {name}", [name], [signs], lambda x: torch.where(x, 1.0, -1.0)
    )
    return signs


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
