"""A packed network: its graph, which is checked as a whole, its inputs and its outputs."""

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
# A file of a few bytes must not need more memory or time than a network that somebody would train.
# Work is in units of about a nanosecond, so the limit is 8.6 s for an image with the slowest
# kernels. A ResNet-50 for 224x224 pixels needs less than half of each limit: see
# tests/format/test_costs.py.
MAX_WORK = 1 << 33
MAX_MEMORY = 1 << 30
# Bytes for the objects of a node, for those of a value, and for the engine as a whole.
_NODE_BYTES, _VALUE_BYTES, _ENGINE_BYTES = 4096, 384, 5 << 16


@dataclass(frozen=True, init=False)
class PackedModel:
    """A network in bits, from its inputs to its outputs.

    Every value has a number. The inputs have the first numbers, from 0, and the nodes have the
    following ones, in their order. A node reads values with lower numbers.

    nodes: the operations.
    signature: inputs and outputs. A `Preprocessing` is short for one input of pixels and one output
        of class scores, which is the value of the last node.
    types: the kind and size of every value.
    work: the most work for a sample, in units of about a nanosecond on one core.
    memory: the most bytes that the model and an engine with one thread need.
    info: more facts for a reader, in the types of JSON.

    Raises: ModelFormatError, which names the node and the field.
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
        *,
        limited: bool = True,
    ):
        if isinstance(signature, Preprocessing):
            signature = Signature.of_images(signature, len(nodes))
        types, cost = _check(nodes, signature, limited)
        values = {"nodes": nodes, "signature": signature, "info": {} if info is None else info}
        values |= {"types": types, "work": cost.work, "memory": cost.memory}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def inputs(self) -> Sequence[Input]:
        """The inputs. Input i is the value with the number i."""
        return self.signature.inputs

    @property
    def outputs(self) -> Sequence[Output]:
        """The outputs."""
        return self.signature.outputs

    @property
    def preprocessing(self) -> Preprocessing:
        """Pixels and classes of a network of images with class scores.

        Raises: UsageError for any other network.
        """
        return self.signature.preprocessing()

    def numbered(self) -> Iterator[tuple[int, Node]]:
        """Every node with its number."""
        return enumerate(self.nodes, len(self.inputs))

    def node(self, number: int) -> Node:
        """The node with that number. Raises: IndexError for the number of an input."""
        if number < len(self.inputs):
            raise IndexError(f"value {number} is an input")
        return self.nodes[number - len(self.inputs)]

    def is_input(self, number: int) -> bool:
        """Whether a value is an input."""
        return number < len(self.inputs)

    def operation(self, number: int) -> AbstractOperation:
        """The operation of the node with that number."""
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
        """Whether a convolution has one window, the whole map. It is then a linear layer."""
        source, attributes = self.types[node.inputs[0]], node.attributes
        whole = tuple(attributes["kernel"]) == (source.height, source.width)
        return whole and not any(attributes["padding"]) and attributes["groups"] == 1

    def report(self) -> str:
        """A table that says for each module what it became, and why, with bits before and after."""
        from signbit.format.report import as_text

        return as_text(self.info)

    def save(self, path: Path | str) -> None:
        """Write a `.signbit` file, whole or not at all. Raises: OutputError."""
        from signbit.files import atomic_write
        from signbit.format.file import to_bytes

        atomic_write(path, to_bytes(self))

    @classmethod
    def load(cls, source: Source) -> "PackedModel":
        """Read a `.signbit` file from a path, its bytes, or an open binary file.

        Raises: ModelFormatError where it is not a valid file. InputTypeError for any other kind of
            source.
        """
        from signbit.format.file import read

        return read(source)


def _check(
    nodes: Sequence[Node], signature: Signature, limited: bool
) -> tuple[tuple[ValueType, ...], "_Cost"]:
    if not 1 <= len(nodes) <= MAX_NODES:
        raise ModelFormatError(f"the graph has {len(nodes)} nodes; 1 to {MAX_NODES} are allowed")
    if sum(len(node.inputs) for node in nodes) > MAX_READS:
        raise ModelFormatError(f"the nodes have more than {MAX_READS} inputs together")
    types = [one.type for one in signature.inputs]
    cost = _Cost(types, limited)
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
                f"output {output.name!r}: node is {shown(output.node)}; give the number of a node, "
                f"{len(signature.inputs)} to {len(types) - 1}"
            )
        try:
            output.require_fit(types[output.node])
        except UsageError as error:
            raise ModelFormatError(str(error)) from error
    return tuple(types), cost


class _Cost:
    """The work for a sample, and the memory of a model and of an engine with one thread."""

    def __init__(self, inputs: Sequence[ValueType], limited: bool):
        self.work = 0
        self._limited = limited
        self.memory = _ENGINE_BYTES + sum(_held(one, Padding()) for one in inputs)
        self._scratch = 0
        # For each value, the widest padding of its readers: the engine keeps the value with it.
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
        scratch = max(self._scratch, operation.scratch(node, inputs, gives))
        self.memory, self._scratch = self.memory + scratch - self._scratch, scratch
        # The tensors of the model, and a copy while the engine is made.
        self.memory += 2 * sum(tensor.nbytes for tensor in node.tensors.values())
        self.memory += _held(gives, Padding())
        self._widen(node.inputs[0], inputs[0], operation.border(node, inputs))
        if self._limited and (self.memory > MAX_MEMORY or self.work > MAX_WORK):
            raise ModelFormatError(
                f"the network is too large: {self.memory} bytes of memory and {self.work} units of "
                f"work up to this node; at most {MAX_MEMORY} and {MAX_WORK} are allowed"
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
        raise ModelFormatError(f"has {len(node.inputs)} inputs; it accepts {len(kinds)}")
    for source, allowed in zip(node.inputs, kinds, strict=True):
        if type(source) is not int or not 0 <= source < index:
            raise ModelFormatError(
                f"reads node {shown(source)}; give one before it, 0 to {index - 1}"
            )
        if types[source].kind not in allowed:
            raise ModelFormatError(
                f"reads {types[source]} from node {source}; it accepts {' or '.join(allowed)}"
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
        raise ModelFormatError(f"has tensors {sorted(node.tensors)}; it needs {sorted(wanted)}")
    for name, (dtype, shape) in wanted.items():
        found = node.tensors[name]
        if found.dtype != np.dtype(dtype) or found.shape != shape:
            raise ModelFormatError(
                f"tensor {name!r} is {found.dtype} of shape {found.shape}; "
                f"it needs {dtype} of shape {shape}"
            )
    operation.check_values(node, inputs)
