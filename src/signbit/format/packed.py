"""A packed network: its graph, checked as a whole, and its preprocessing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from signbit.errors import ModelFormatError, SignbitError
from signbit.format.bits import words_for
from signbit.format.ops import AbstractOperation, operations
from signbit.format.preprocessing import Preprocessing
from signbit.format.source import Source
from signbit.format.types import BITS, F32, U8, Node, ValueType, shown, value_type

MAX_NODES = 4096
# What all values of one image may take together, and all word operations: a file of a few bytes
# must not ask for more memory or time than a network that somebody would train. A ResNet-50 for
# 224x224 pixels has 2^26 such operations.
MAX_MEMORY = 1 << 30
MAX_OPERATIONS = 1 << 34
# Of a map: top, left, bottom, right.
Padding = tuple[int, int, int, int]
_NONE: Padding = (0, 0, 0, 0)


@dataclass(frozen=True)
class PackedModel:
    """A network in bits: from uint8 pixels, NHWC, to float32 scores.

    Node 0 reads the pixels: each node's inputs are counted from there, 0 being the pixels and i
    the i-th node, from 1. The last node gives the scores, 1x1 with a channel per class.

    types: of the pixels and of every node, by the same count.
    info: what else a reader may want to know, in JSON's types.

    Raises: ModelFormatError naming the node and the field.
    """

    nodes: Sequence[Node]
    preprocessing: Preprocessing
    info: Mapping[str, Any] = field(default_factory=dict)
    types: tuple[ValueType, ...] = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "types", _check(self.nodes, self.preprocessing))

    @property
    def classes(self) -> int:
        """How many scores it gives."""
        return self.types[-1].channels

    def is_linear(self, node: Node) -> bool:
        """Whether a convolution's one window is the whole map: a linear layer."""
        source, attributes = self.types[node.inputs[0]], node.attributes
        whole = tuple(attributes["kernel"]) == (source.height, source.width)
        return whole and not any(attributes["padding"]) and attributes["groups"] == 1

    def report(self) -> str:
        """A table of what became of each module, and why, with its bits before and after."""
        from signbit.format.report import as_text

        return as_text(self.info)

    def save(self, path: Path | str) -> None:
        """Write a `.signbit` file, at once. Raises: OutputError."""
        from signbit.files import atomic_write
        from signbit.format.file import to_bytes

        atomic_write(path, to_bytes(self))

    @classmethod
    def load(cls, source: Source) -> "PackedModel":
        """Read a `.signbit` file from a path, its bytes, or an open binary file.

        Raises: ModelFormatError; InputTypeError for any other kind of source.
        """
        from signbit.format.file import read

        return read(source)


def _check(nodes: Sequence[Node], preprocessing: Preprocessing) -> tuple[ValueType, ...]:
    if not 1 <= len(nodes) <= MAX_NODES:
        raise ModelFormatError(f"the graph has {len(nodes)} nodes; 1 to {MAX_NODES} are allowed")
    types = [value_type(U8, *preprocessing.size, preprocessing.channels)]
    work, memory = 0, _memory(types[0])
    # Of each value, the widest padding of those that read it: an engine may hold it so.
    paddings: dict[int, Padding] = {}
    for index, node in enumerate(nodes, 1):
        if node.op not in operations:
            raise ModelFormatError(f"node {index}: unknown operation {shown(node.op)}")
        try:
            operation = operations.get(node.op)
            inputs = _inputs(node, index, types, operation)
            types.append(operation.infer(node.attributes, inputs))
            _check_tensors(node, operation, inputs)
            work += _work(node, types[-1])
            memory += _memory(types[-1]) + _more_padding(node, inputs[0], paddings)
        except (SignbitError, OverflowError) as error:
            raise ModelFormatError(f"node {index} ({node.op}): {error}") from error
        if memory > MAX_MEMORY or work > MAX_OPERATIONS:
            raise ModelFormatError(
                f"node {index} ({node.op}): the network is too large: at most {MAX_MEMORY} bytes "
                f"of values, with their padding, and {MAX_OPERATIONS} operations an image"
            )
    last = types[-1]
    if (last.kind, last.height, last.width) != (F32, 1, 1):
        raise ModelFormatError(f"the last node gives {last}; scores are {F32} 1x1 by classes")
    if len(preprocessing.classes) not in (0, last.channels):
        raise ModelFormatError(
            f"{len(preprocessing.classes)} class names, the last node gives {last.channels} scores"
        )
    return tuple(types)


def _work(node: Node, gives: ValueType) -> int:
    height, width = node.attributes.get("kernel", (1, 1))
    depth = node.tensors["weight"].shape[-1] if "weight" in node.tensors else 1
    return gives.elements * height * width * depth


def _memory(one: ValueType) -> int:
    """Bytes of a value: bits lie in words of 64 for each position."""
    if one.kind == BITS:
        return one.height * one.width * 8 * words_for(one.channels)
    return one.elements * (1 if one.kind == U8 else 4)


def _more_padding(node: Node, source: ValueType, paddings: dict[int, Padding]) -> int:
    """Bytes that the padded map of what a window reads grows by; notes its padding."""
    old = paddings.get(node.inputs[0], _NONE)
    new = _wider(old, node.attributes.get("padding", _NONE))
    paddings[node.inputs[0]] = new
    return _padded_memory(source, new) - _padded_memory(source, old)


def _wider(one: Padding, other: Padding) -> Padding:
    top, left, bottom, right = map(max, one, other)
    return top, left, bottom, right


def _padded_memory(source: ValueType, padding: Padding) -> int:
    if not any(padding):
        return 0
    top, left, bottom, right = padding
    height, width = source.height + top + bottom, source.width + left + right
    return _memory(ValueType(source.kind, height, width, source.channels))


def _inputs(
    node: Node, index: int, types: Sequence[ValueType], operation: AbstractOperation
) -> list[ValueType]:
    kinds = list(operation.kinds)
    if operation.variadic:
        kinds += [kinds[-1]] * (len(node.inputs) - len(kinds))
    if len(node.inputs) != len(kinds):
        raise ModelFormatError(f"has {len(node.inputs)} inputs, takes {len(kinds)}")
    for source, allowed in zip(node.inputs, kinds, strict=True):
        if type(source) is not int or not 0 <= source < index:
            raise ModelFormatError(
                f"reads node {shown(source)}; give one before it, 0 to {index - 1}"
            )
        if types[source].kind not in allowed:
            raise ModelFormatError(
                f"reads {types[source]} from node {source}; takes {' or '.join(allowed)}"
            )
    for name in node.attributes:
        if name not in operation.attributes:
            raise ModelFormatError(f"has an unknown attribute {shown(name)}")
    for name, check in operation.attributes.items():
        if name not in node.attributes:
            raise ModelFormatError(f"attribute {name!r} is missing")
        check.check(name, node.attributes[name])
    return [types[source] for source in node.inputs]


def _check_tensors(node: Node, operation: AbstractOperation, inputs: Sequence[ValueType]) -> None:
    wanted = operation.tensors(node.attributes, inputs)
    if set(wanted) != set(node.tensors):
        raise ModelFormatError(f"has tensors {sorted(node.tensors)}, needs {sorted(wanted)}")
    for name, (dtype, shape) in wanted.items():
        found = node.tensors[name]
        if found.dtype != np.dtype(dtype) or found.shape != shape:
            raise ModelFormatError(
                f"tensor {name!r} is {found.dtype} of shape {found.shape}, "
                f"needs {dtype} of shape {shape}"
            )
    operation.check_values(node, inputs)
