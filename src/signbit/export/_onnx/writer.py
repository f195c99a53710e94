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
from signbit.format import Node, PackedModel
from signbit.format.parameters import node_name

Array = NDArray[Any]

# An ONNX file is a protobuf message, which holds no more. The nodes need a part of it.
MAX_BYTES = (1 << 31) - (1 << 24)


class Dialect(Protocol):
    """The parts in which the two ONNX formats differ."""

    to: str

    def weight(self, graph: Graph, signs: Array) -> str:
        """Weights of -1 and +1, as float32."""
        ...

    def sign(self, to: "OnnxWriter", node: Node, x: str, cut: Array, is_integer: bool) -> str:
        """+1 where x > cut, else -1. For whole numbers the cut lies halfway between two of them."""
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
        self.values: list[str] = []
        self.number = 0

    def add_all(self, pixels: str, batch: int | str = "N") -> Graph:
        """Add every node; `pixels` is their tensor, float32, the scores are called `scores`."""
        from onnx import TensorProto

        self.values.append(pixels)
        for number, node in self.model.numbered():
            graph, last = self.graph, number == len(self.model.nodes)
            self.number, graph.prefix = number, node_name(number)
            inputs = [self.values[source] for source in node.inputs]
            name = OPERATORS[node.op](self, node, *inputs)
            if name in inputs:
                name = graph.add("Identity", name)
            self.values.append("scores" if last else graph.prefix)
            graph.rename(name, self.values[-1])
            if graph.bytes > MAX_BYTES:
                raise refusal(
                    self.model, self.number, self.dialect.to, "an ONNX file holds at most 2 GiB"
                )
            if not last:
                kind = TensorProto.DOUBLE if self.is_wide(self.number) else TensorProto.FLOAT
                graph.describe(self.values[-1], kind, self.shape(self.number, batch))
        return self.graph

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
        return self.graph.add("Unsqueeze", x, self.graph.constant("axes", np.array([2, 3])))

    def signs(self, weight: Array) -> str:
        """Weights of -1 and +1."""
        return self.dialect.weight(self.graph, weight)

    def reals(self, weight: Array) -> str:
        """Weights of any numbers."""
        return self.graph.constant("weight", weight.astype(np.float32))

    def as_value(self, x: str) -> str:
        """The map that a window returned, as (N, C) where it is 1x1."""
        return self.graph.add("Flatten", x, axis=1) if self.is_row(self.number) else x
