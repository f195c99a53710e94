"""Divide class scores by a temperature."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from signbit.errors import UsageError
from signbit.format import Node, Output, PackedModel, Signature
from signbit.format.signature import CLASSES

_PROBABILITIES = ("softmax", "log_softmax")
_MOVES = ("flatten", "move")


def output_of_classes(model: PackedModel, name: str | None = None) -> Output:
    """An output of classes.

    name: its name; None for the only output of classes.

    Raises: UsageError where there is no such output, or several.
    """
    found = [one for one in model.outputs if one.kind == CLASSES and name in (None, one.name)]
    if len(found) == 1:
        return found[0]
    given = ", ".join(f"{one.name} ({one.kind})" for one in model.outputs)
    wanted = "no output of classes" if not found else "several outputs of classes; name one"
    if name is not None:
        wanted = f"no output of classes with the name {name!r}"
    raise UsageError(f"the network has {wanted}; it returns {given}")


def logits_node(model: PackedModel, output: Output) -> int:
    """The number of the value whose softmax is the probabilities of an output of classes.

    It is the output's own node, or the one that its last `softmax` or `log_softmax` reads.

    Raises: UsageError where the probabilities of a softmax are moved before they become the output.
    """
    number = output.node
    if model.node(number).op in _PROBABILITIES:
        return model.node(number).inputs[0]
    source = unmoved(model, number)
    if source != number and not model.is_input(source) and model.node(source).op == "softmax":
        raise UsageError(
            f"output {output.name!r} is made from the probabilities of node {source} (softmax); a "
            "temperature scales the input of softmax: make softmax the last operation"
        )
    return number


def unmoved(model: PackedModel, number: int) -> int:
    """The number of the value that has the same elements, perhaps at other places."""
    while not model.is_input(number) and model.node(number).op in _MOVES:
        number = model.node(number).inputs[0]
    return number


def with_temperature(model: PackedModel, output: Output, temperature: float) -> PackedModel:
    """Divide the logits of an output of classes by a temperature above 0.

    Where only the output depends on the last `affine`, it absorbs the factor. Otherwise a new
    `affine` is added. A `softmax` or `log_softmax` at the end reads the divided logits. So the
    order of the scores stays the same, except for rounding. Other outputs do not change.

    Raises: as `logits_node`, and UsageError for a temperature that is not finite and above 0.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise UsageError(f"temperature is {temperature}; give a finite number above 0")
    logits = logits_node(model, output)
    if _can_take(model, output, logits):
        nodes = dict(model.numbered())
        nodes[logits] = _divided(nodes[logits], temperature)
        return replace(model, nodes=list(nodes.values()))
    return _appended(model, output, logits, temperature)


def _can_take(model: PackedModel, output: Output, logits: int) -> bool:
    """Whether the logits come from an affine that only the output depends on."""
    if model.is_input(logits) or model.node(logits).op != "affine":
        return False
    path = (logits, output.node)
    others = {one.node for one in model.outputs} - {output.node}
    readers = {reader for number in path for reader in model.readers(number)}
    return logits not in others and readers <= {output.node}


def _divided(affine: Node, temperature: float) -> Node:
    with np.errstate(over="ignore"):  # to infinity, as a product of the engine does
        tensors = {
            name: (tensor.astype(np.float64) / temperature).astype(np.float32)
            for name, tensor in affine.tensors.items()
        }
    return replace(affine, tensors=tensors)


def _appended(model: PackedModel, output: Output, logits: int, temperature: float) -> PackedModel:
    """Add an affine at the end, and after it the softmax, which nothing else reads."""
    last = model.node(output.node) if logits != output.node else None
    dropped = output.node if last is not None and not model.readers(output.node) else None
    place = {number: number for number in range(len(model.inputs))}
    nodes: list[Node] = []

    def add(node: Node, number: int | None = None) -> int:
        nodes.append(node)
        new = len(model.inputs) + len(nodes) - 1
        if number is not None:
            place[number] = new
        return new

    for number, node in model.numbered():
        if number != dropped:
            add(replace(node, inputs=tuple(place[one] for one in node.inputs)), number)
    ones = np.ones(model.types[logits].channels, np.float32)
    tensors = {"scale": ones / np.float32(temperature), "bias": np.float32(0) * ones}
    new = add(Node("affine", (place[logits],), {}, tensors))
    if last is not None:
        new = add(replace(last, inputs=(new,)))
    if dropped is not None:
        place[dropped] = new
    outputs = [
        replace(one, node=new if one == output else place[one.node]) for one in model.outputs
    ]
    return PackedModel(nodes, Signature(model.inputs, outputs), _renumbered(model.info, place))


def _renumbered(info: Mapping[str, Any], place: Mapping[int, int]) -> dict[str, Any]:
    """The info, where each module has the new numbers of its nodes."""
    rows = info.get("modules")
    if not isinstance(rows, list):
        return dict(info)

    def changed(row: Any) -> Any:
        numbers = row.get("nodes") if isinstance(row, dict) else None
        if not isinstance(numbers, list):
            return row
        return row | {"nodes": [place.get(one, one) for one in numbers if type(one) is int]}

    return {**info, "modules": [changed(row) for row in rows]}
