"""A packed network as an ONNX graph.

A value is (N, C, H, W), or (N, C) where its map is 1x1. Bits are -1 and +1 in float32. Integers are
in float32 too, or in float64 where float32 could not hold them exactly.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.export._bounds import HALVES_END, largest_sums
from signbit.export._onnx.graph import Graph
from signbit.export._onnx.operators import OPERATORS
from signbit.export._operations import refusal
from signbit.format import Input, Node, Output, PackedModel
from signbit.format.parameters import node_name

Array = NDArray[Any]

# An ONNX file is a protobuf message, which holds at most 2 GiB. The nodes need a part of them.
MAX_BYTES = (1 << 31) - (1 << 24)


class Dialect(Protocol):
    """The parts in which the two ONNX formats differ."""

    to: str

    def input(self, to: "OnnxWriter", number: int, one: Input) -> str:
        """The name of an input's value as nodes read it; the input's own name where it is that."""
        ...

    def is_value(self, to: "OnnxWriter", one: Output) -> bool:
        """Whether an output of the graph is the unchanged value of its node."""
        ...

    def output(self, to: "OnnxWriter", one: Output, x: str) -> str:
        """An output of the graph from the value of its node, where the two differ."""
        ...

    def weight(self, graph: Graph, signs: Array) -> str:
        """Weights of -1 and +1, as float32."""
        ...

    def sign(self, to: "OnnxWriter", node: Node, x: str, cut: Array, is_integer: bool) -> str:
        """+1 where x > cut, else -1. Between whole numbers, the cut lies halfway."""
        ...

    def whole(self, graph: Graph, x: str) -> str:
        """Sums, which are whole numbers, before they are multiplied by a real number."""
        ...


class OnnxWriter:
    """Adds the operators of every node; the value of node 3 becomes the tensor `n03`.

    Raises: ExportError where an ONNX file cannot hold the weights.
    """

    def __init__(self, model: PackedModel, dialect: Dialect):
        self.model, self.dialect, self.graph = model, dialect, Graph()
        self.bounds = largest_sums(model)
        self.values: dict[int, str] = {}
        self.number = 0

    def add_all(self, batch: int | str = "N") -> Graph:
        """Add the inputs, every node that an output depends on, and the outputs, by their names."""
        from onnx import TensorProto

        for number, one in enumerate(self.model.inputs):
            self._add_input(number, one)
        outputs = self.model.outputs
        named = {one.node: one.name for one in outputs if self.dialect.is_value(self, one)}
        for number in self.model.needed():
            self._add_node(number, named.get(number, node_name(number)))
            if number not in named:
                kind = TensorProto.DOUBLE if self.is_wide(number) else TensorProto.FLOAT
                self.graph.describe(self.values[number], kind, self.shape(number, batch))
        for one in outputs:
            if one.node not in named:
                self.graph.prefix = one.name
                made = self.dialect.output(self, one, self.values[one.node])
                self.graph.rename(made, one.name)
        return self.graph

    def _add_input(self, number: int, one: Input) -> None:
        self.graph.prefix = self.values[number] = node_name(number)
        name = self.dialect.input(self, number, one)
        if name == one.name:  # it is used as it is
            self.values[number] = name
        else:
            self.graph.rename(name, self.graph.prefix)

    def _add_node(self, number: int, name: str) -> None:
        node, graph = self.model.node(number), self.graph
        self.number, graph.prefix = number, node_name(number)
        inputs = [self.values[source] for source in node.inputs]
        made = OPERATORS[node.op](self, node, *inputs)
        if made in inputs:
            made = graph.add("Identity", made)
        graph.rename(made, name)
        self.values[number] = name
        if graph.bytes > MAX_BYTES:
            raise refusal(self.model, number, self.dialect.to, "an ONNX file holds at most 2 GiB")

    def is_wide(self, number: int) -> bool:
        """Whether a value is in float64."""
        return self.bounds[number] >= HALVES_END

    def is_row(self, number: int) -> bool:
        """Whether a value is (N, C)."""
        return self.model.types[number][1:3] == (1, 1)

    def shape(self, number: int, batch: int | str = "N") -> list[int | str]:
        """The shape of a value."""
        _, height, width, channels = self.model.types[number]
        return [batch, channels] if self.is_row(number) else [batch, channels, height, width]

    def per_channel(self, node: Node, name: str, values: Array, dtype: Any = None) -> str:
        """A constant with an element for each channel that the node reads; it broadcasts."""
        source = node.inputs[0]
        dtype = dtype or (np.float64 if self.is_wide(source) else np.float32)
        shape = (-1,) if self.is_row(source) else (-1, 1, 1)
        return self.graph.constant(name, values.astype(dtype).reshape(shape))

    def as_map(self, number: int, x: str) -> str:
        """The value x of a node as (N, C, H, W)."""
        if not self.is_row(number):
            return x
        return self._reshaped("Unsqueeze", x, [2, 3])

    def without_rank(self, number: int, x: str, rank: int) -> str:
        """Reshape an array in torch's layout, with `rank` axes after the samples, to that value."""
        if self.is_row(number):
            return x if rank == 1 else self.graph.add("Flatten", x, axis=1)
        return x if rank == 3 else self._reshaped("Unsqueeze", x, [2])

    def with_rank(self, number: int, x: str, rank: int) -> str:
        """Reshape that value to torch's layout, with `rank` axes after the samples."""
        if self.is_row(number):
            return x if rank == 1 else self._reshaped("Unsqueeze", x, [*range(2, rank + 1)])
        return x if rank == 3 else self._reshaped("Squeeze", x, [2])

    def _reshaped(self, op: str, x: str, axes: list[int]) -> str:
        return self.graph.add(op, x, self.graph.constant("axes", np.array(axes)))

    def signs(self, weight: Array) -> str:
        """Weights of -1 and +1."""
        return self.dialect.weight(self.graph, weight)

    def reals(self, weight: Array) -> str:
        """Weights of any numbers."""
        return self.graph.constant("weight", weight.astype(np.float32))

    def as_value(self, x: str) -> str:
        """The map that a window returned, as (N, C) where it is 1x1."""
        return self.graph.add("Flatten", x, axis=1) if self.is_row(self.number) else x
