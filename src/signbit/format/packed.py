"""A packed network: its graph, checked as a whole, its inputs and its outputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from signbit.errors import ModelFormatError, SignbitError, UsageError
from signbit.format.ops import AbstractOperation, operations
from signbit.format.preprocessing import Preprocessing
from signbit.format.signature import Input, Output, Signature
from signbit.format.source import Source
from signbit.format.types import Node, Padding, ValueType, shown

MAX_NODES = 4096
# A concatenation reads any number of values.
MAX_READS = 4 * MAX_NODES
# A file of a few bytes must not ask for more memory or time than a network that somebody would
# train. Work is in units of about a nanosecond: 8.6 s an image with the slowest kernels. A
# ResNet-50 for 224x224 pixels stays below half of either: see tests/format/test_costs.py.
MAX_WORK = 1 << 33
MAX_MEMORY = 1 << 30
# Of the objects of a node and of a value; of the engine as a whole.
_NODE_BYTES, _VALUE_BYTES, _ENGINE_BYTES = 4096, 128, 1 << 16


@dataclass(frozen=True, init=False)
class PackedModel:
    """A network in bits, from its inputs to its outputs.

    Every value has a number: 0 and on for the inputs, then on for the nodes, in their order. A
    node reads values with lower numbers.

    signature: inputs and outputs. A `Preprocessing` is short for one input of pixels and the
        scores of classes, which the last node gives.
    types: of every value.
    work: what a sample takes at most, in units of about a nanosecond on one core.
    memory: bytes that the model and an engine with one thread take at most.
    info: what else a reader may want to know, in JSON's types.

    Raises: ModelFormatError naming the node and the field.
    """

    nodes: Sequence[Node]
    signature: Signature
    info: Mapping[str, Any] = field(default_factory=dict)
    types: tuple[ValueType, ...] = field(init=False)
    work: int = field(init=False)
    memory: int = field(init=False)

    def __init__(
        self,
        nodes: Sequence[Node],
        signature: Signature | Preprocessing,
        info: Mapping[str, Any] | None = None,
    ):
        if isinstance(signature, Preprocessing):
            signature = Signature.of_images(signature, len(nodes))
        types, cost = _check(nodes, signature)
        values = {"nodes": nodes, "signature": signature, "info": {} if info is None else info}
        values |= {"types": types, "work": cost.work, "memory": cost.memory}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def inputs(self) -> Sequence[Input]:
        """What it takes; input i is the value number i."""
        return self.signature.inputs

    @property
    def outputs(self) -> Sequence[Output]:
        """What it gives."""
        return self.signature.outputs

    @property
    def preprocessing(self) -> Preprocessing:
        """That of a network of images with scores of classes. Raises: UsageError for another."""
        return self.signature.preprocessing()

    def numbered(self) -> Iterator[tuple[int, Node]]:
        """Every node with its number."""
        return enumerate(self.nodes, len(self.inputs))

    def node(self, number: int) -> Node:
        """The node of that number. Raises: IndexError for that of an input."""
        if number < len(self.inputs):
            raise IndexError(f"value {number} is an input")
        return self.nodes[number - len(self.inputs)]

    def is_input(self, number: int) -> bool:
        """Whether a value is an input."""
        return number < len(self.inputs)

    def operation(self, number: int) -> AbstractOperation:
        """What is known of the operation of a node."""
        return operations.get(self.node(number).op)

    def readers(self, number: int) -> tuple[int, ...]:
        """The numbers of the nodes that read a value, in order, each once."""
        return self._readers[number]

    def needed(self) -> list[int]:
        """The numbers of the nodes that the outputs depend on, in order."""
        found = {output.node for output in self.outputs}
        for number, node in reversed([*self.numbered()]):
            if number in found:
                found.update(node.inputs)
        return sorted(number for number in found if not self.is_input(number))

    @cached_property
    def _readers(self) -> tuple[tuple[int, ...], ...]:
        found: list[list[int]] = [[] for _ in self.types]
        for number, node in self.numbered():
            for source in dict.fromkeys(node.inputs):
                found[source].append(number)
        return tuple(map(tuple, found))

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


def _check(nodes: Sequence[Node], signature: Signature) -> tuple[tuple[ValueType, ...], "_Cost"]:
    if not 1 <= len(nodes) <= MAX_NODES:
        raise ModelFormatError(f"the graph has {len(nodes)} nodes; 1 to {MAX_NODES} are allowed")
    if sum(len(node.inputs) for node in nodes) > MAX_READS:
        raise ModelFormatError(f"the nodes have more than {MAX_READS} inputs together")
    types = [one.type for one in signature.inputs]
    cost = _Cost(types)
    for index, node in enumerate(nodes, len(types)):
        if node.op not in operations:
            raise ModelFormatError(f"node {index}: unknown operation {shown(node.op)}")
        try:
            operation = operations.get(node.op)
            inputs = _inputs(node, index, types, operation)
            types.append(operation.infer(node.attributes, inputs))
            _check_tensors(node, operation, inputs)
            cost.add(node, operation, inputs, types[-1])
        except (SignbitError, OverflowError) as error:
            raise ModelFormatError(f"node {index} ({node.op}): {error}") from error
    for output in signature.outputs:
        if not len(signature.inputs) <= output.node < len(types):
            raise ModelFormatError(
                f"output {output.name!r}: node {shown(output.node)}; give the number of a node, "
                f"{len(signature.inputs)} to {len(types) - 1}"
            )
        try:
            output.require_fit(types[output.node])
        except UsageError as error:
            raise ModelFormatError(str(error)) from error
    return tuple(types), cost


class _Cost:
    """Work of a sample; memory of a model and of an engine with one thread."""

    def __init__(self, inputs: Sequence[ValueType]):
        self.work = 0
        self.memory = _ENGINE_BYTES + sum(_held(one, Padding()) for one in inputs)
        # Of each value, the widest padding of those that read it: the engine holds it so.
        self._paddings: dict[int, Padding] = {}

    def add(
        self,
        node: Node,
        operation: AbstractOperation,
        inputs: Sequence[ValueType],
        gives: ValueType,
    ) -> None:
        """Count a node. Raises: ModelFormatError where the network gets too large."""
        self.work += operation.work(node, inputs, gives)
        self.memory += _NODE_BYTES + operation.memory(node, inputs, gives)
        # The tensors of the model, and a copy while the engine is made.
        self.memory += 2 * sum(tensor.nbytes for tensor in node.tensors.values())
        self.memory += _held(gives, Padding())
        self._widen(node.inputs[0], inputs[0], operation.border(node, inputs))
        if self.memory > MAX_MEMORY or self.work > MAX_WORK:
            raise ModelFormatError(
                f"the network is too large: {self.memory} bytes of memory and {self.work} units of "
                f"work up to here, at most {MAX_MEMORY} and {MAX_WORK} are allowed"
            )

    def _widen(self, number: int, value: ValueType, padding: Padding) -> None:
        old = self._paddings.get(number, Padding())
        new = self._paddings[number] = Padding(*map(max, old, padding))
        self.memory += _held(value, new) - _held(value, old)


def _held(value: ValueType, padding: Padding) -> int:
    """Bytes of a value with a border around its map."""
    height = value.height + padding.top + padding.bottom
    width = value.width + padding.left + padding.right
    return _VALUE_BYTES + height * width * value.pixel_bytes


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
