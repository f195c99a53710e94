"""What the function that reads an operator sees of it and of the network so far."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from signbit.errors import ConvertError, printable
from signbit.format.types import MAX_ELEMENTS
from signbit.importers._graph import Compute, Graph
from signbit.importers.onnx._file import Content, Node
from signbit.importers.onnx._operators import Operator
from signbit.importers.onnx._shapes import Shape, has_samples

FLOAT, BOOL = torch.float32, torch.bool


@dataclass(frozen=True)
class Network:
    """A file, and what has been read of it.

    batch: the number of samples for which the file was made; None where that is open.
    names: the name in the graph of a value that another one stands for.
    types: the types in the file of values that the graph holds as float32: whole numbers.
    shapes: shapes in which the number of samples occurs.
    weighted: the values that a layer with weights has computed, or that depend on one.
    """

    content: Content
    graph: Graph
    batch: int | None
    names: dict[str, str] = field(default_factory=dict)
    types: dict[str, torch.dtype] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    weighted: set[str] = field(default_factory=set)


class Call:
    """An operator of a network, for the function that reads it.

    An input is named by its position. A value that depends on the inputs of the network has the
    samples as its first axis; all others are constants.
    """

    def __init__(self, network: Network, node: Node, operator: Operator, given: dict[str, Any]):
        self.network, self.node, self.operator = network, node, operator
        self.graph, self.opset = network.graph, network.content.opset
        self._attributes = given

    def __getitem__(self, name: str) -> Any:
        """An attribute; its default, or None, where the file lacks it."""
        return self._attributes[name]

    def error(self, reason: str) -> ConvertError:
        """The error that refuses the operator."""
        return self.graph.refuse(self.node.label, self.node.kind, reason)

    def has(self, position: int) -> bool:
        """Whether an input is there. Some are optional."""
        return position < len(self.node.inputs) and bool(self.node.inputs[position])

    @property
    def positions(self) -> list[int]:
        """The positions of all inputs that are there."""
        return [position for position in range(len(self.node.inputs)) if self.has(position)]

    def shape_of_samples(self, position: int) -> Shape | None:
        """The numbers of an input that is a shape with the number of samples; else None."""
        return self.network.shapes.get(self.node.inputs[position])

    def value(self, position: int) -> str:
        """The name in the graph of an input. Raises: ConvertError where it has none."""
        if not self.has(position):
            raise self.error(f"input {position} is missing")
        name = self.node.inputs[position]
        name = self.network.names.get(name, name)
        if name in self.network.shapes:
            raise self.error(
                "it computes with the number of samples of a batch; export the network with "
                "shapes that are constants"
            )
        if not self.graph.knows(name):
            raise self.error(f"input {printable(name)!r} is a result that cannot be read")
        return name

    def is_constant(self, position: int) -> bool:
        """Whether an input is the same for all samples."""
        return self.graph.constant(self.value(position)) is not None

    def constant(self, position: int) -> Tensor:
        """The numbers of a constant. Raises: ConvertError for any other value."""
        found = self.graph.constant(self.value(position))
        if found is None:
            raise self.error(
                f"input {position} depends on the input of the network; a constant is needed"
            )
        return found

    def whole(self, position: int) -> list[int]:
        """The numbers of a constant with one axis, or none, of whole numbers."""
        found = self.constant(position)
        if found.dtype not in (torch.int64, torch.int32) or found.dim() > 1:
            raise self.error(f"input {position} must be a row of whole numbers")
        return found.reshape(-1).tolist()

    def number(self, position: int) -> float:
        """The one number of a constant in float32."""
        found = self.constant(position)
        if found.dtype != FLOAT or found.numel() != 1:
            raise self.error(f"input {position} must be one number in float32")
        return float(found)

    def rank(self, position: int) -> int:
        """The number of axes of an input."""
        return self.graph.example(self.value(position)).dim()

    def sizes(self, position: int) -> list[int]:
        """The sizes of a value, without the samples."""
        return list(self.graph.example(self.value(position)).shape[1:])

    def type(self, position: int) -> torch.dtype:
        """The type of an input in the file."""
        name = self.value(position)
        return self.network.types.get(name, self.graph.example(name).dtype)

    def axis(self, axis: int, rank: int, of_samples: bool = True) -> int:
        """An axis from 0 on.  of_samples: whether axis 0 is that of the samples.

        Raises: ConvertError for one that is not there, or is that of the samples.
        """
        if not -rank <= axis < rank or (of_samples and axis % rank == 0):
            raise self.error(
                f"axis {axis} of {rank}; the first axis must stay that of the samples"
                if of_samples
                else f"axis {axis} of {rank}"
            )
        return axis % rank

    def require_float(self, *positions: int) -> None:
        """Raises: ConvertError for a value of another type than float32 that is no constant."""
        for position in positions:
            if not self.is_constant(position) and self.type(position) != FLOAT:
                raise self.error(
                    f"it computes in {self.type(position)}; the packed network has float32 there. "
                    "Export the network with a Cast to float32 before"
                )

    def require_one_type(self, *positions: int) -> None:
        """Raises: ConvertError where two inputs have different types."""
        found = {self.type(position) for position in positions}
        if len(found) > 1:
            raise self.error(f"its inputs have the types {sorted(map(str, found))}; give one")

    def require_samples_first(self, *positions: int) -> None:
        """Raises: ConvertError where NumPy's rules would move the axis of the samples."""
        ranks = {position: self.rank(position) for position in positions}
        values = [position for position in positions if not self.is_constant(position)]
        for position in positions if values else ():
            is_value, shape = position in values, self.graph.example(self.value(position)).shape
            fits = (
                ranks[position] == ranks[values[0]] if is_value else len(shape) <= ranks[values[0]]
            )
            if not fits or (not is_value and len(shape) == ranks[values[0]] and shape[0] != 1):
                raise self.error(
                    f"input {position} has the shape {list(shape)}, which does not go with one "
                    f"of {ranks[values[0]]} axes for every number of samples"
                )

    def require_size(self, shape: Sequence[int]) -> None:
        """Raises: ConvertError for a shape with negative sizes, or too many elements."""
        if any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
            raise self.error(f"shape {list(shape)}; at most {MAX_ELEMENTS} elements")

    def emit(
        self,
        compute: Compute,
        *positions: int,
        results: int = 1,
        type: torch.dtype | None = None,
    ) -> None:
        """Add the operator, which computes its results from the inputs at these positions.

        results: their number. Optional results after them cannot be read by other operators.
        type: that of the results in the file, where the graph holds them as float32.
        """
        inputs = [self.value(position) for position in positions]
        outputs = self.node.outputs[:results]
        if not all(outputs):
            raise self.error("one of its results has no name")
        self.graph.add(self.node.kind, self.node.label, inputs, outputs, compute)
        for name in outputs:
            if type is not None and type not in (FLOAT, BOOL):
                self.network.types[name] = type
            if not self.network.weighted.isdisjoint(inputs):
                self.network.weighted.add(name)

    def move(self, compute: Compute, *positions: int, results: int = 1) -> None:
        """Add an operator that moves the elements of its inputs, whatever type they have."""
        self.require_one_type(*positions)
        is_constant = all(map(self.is_constant, positions))
        kind = None if is_constant else self.type(positions[0])
        self.emit(compute, *positions, results=results, type=kind)

    def note_weights(self) -> None:
        """Note that a layer with weights computes the result."""
        self.network.weighted.add(self.node.outputs[0])

    def pass_on(self, position: int, type: torch.dtype | None = None) -> None:
        """The result is an input as it is.  type: that of the result in the file."""
        if self.shape_of_samples(position) is not None:
            self.give_shape(self.network.shapes[self.node.inputs[position]])
            return
        name, result = self.value(position), self.node.outputs[0]
        if self.is_constant(position):
            self.graph.set_constant(result, self.constant(position))
        elif type is None or type == self.type(position):
            self.network.names[result] = name
        else:
            self.emit(lambda x: x, position, type=type)

    def give(self, value: Tensor) -> None:
        """The result is a constant."""
        self.graph.set_constant(self.node.outputs[0], value)

    def give_shape(self, shape: Shape) -> None:
        """The result is a shape, in which the number of samples may occur."""
        if has_samples(shape):
            self.network.shapes[self.node.outputs[0]] = shape
        else:
            self.give(torch.tensor(shape.astype("int64")))
