"""What the function that reads an operator sees of it and of the network so far."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from signbit.errors import ConvertError, printable
from signbit.importers._graph import Compute, Graph
from signbit.importers.larq._file import Content, Operator, Tensor, damage_named
from signbit.importers.larq._geometry import SAME, VALID
from signbit.importers.larq._options import Options

Function = Callable[[torch.Tensor], torch.Tensor]

# The fused activations by the numbers of the schema: the ends to which numbers are clamped.
_ENDS: dict[int, tuple[float, float] | None] = {
    0: None,
    1: (0, float("inf")),
    2: (-1, 1),
    3: (0, 6),
}


@dataclass(frozen=True)
class Network:
    """A file, and what has been read of it.

    In the graph, a value with three or more axes has its channels first, the others are as in the
    file. A value of bits holds -1 and +1, while the file has 32 of them in a word.

    batch: the first axis of the values in the file.
    signs: the numbers of the tensors that are read by signs alone.
    constants: constants that were computed, by the number of the tensor, channels last.
    bits: the numbers of the tensors that hold bits.
    """

    content: Content
    graph: Graph
    batch: int
    signs: set[int]
    constants: dict[int, NDArray[Any]] = field(default_factory=dict)
    bits: set[int] = field(default_factory=set)


class Call:
    """An operator of a network, for the function that reads it."""

    def __init__(self, network: Network, operator: Operator):
        self.operator, self.batch = operator, network.batch
        self.content, self.graph = network.content, network.graph
        self.constants, self._bits = network.constants, network.bits
        self.ends_in_bits = network.signs.issuperset(operator.outputs)
        content = network.content
        names = [content.tensors[number].name for number in operator.outputs if number >= 0]
        self.label = (names[0] if names else "").split(";")[0] or operator.kind
        self._added = 0

    @property
    def place(self) -> str:
        """The operator, for messages."""
        return f"{printable(self.label)} ({printable(self.operator.kind)})"

    def error(self, reason: str) -> ConvertError:
        """The error that refuses the operator."""
        return self.graph.refuse(self.label, self.operator.kind, reason)

    def tensor(self, position: int) -> Tensor:
        """What the file says about an input."""
        return self.content.tensors[self._number(position)]

    def has(self, position: int) -> bool:
        """Whether an input is there. Some are optional."""
        inputs = self.operator.inputs
        return position < len(inputs) and inputs[position] >= 0

    def is_constant(self, position: int) -> bool:
        """Whether an input is the same for all samples."""
        number = self._number(position)
        return number in self.constants or self.content.tensors[number].content is not None

    def array(self, position: int) -> NDArray[Any]:
        """The numbers of a constant, channels last. Raises: ConvertError for any other value."""
        number = self._number(position)
        if number in self.constants:
            return self.constants[number]
        if self.content.tensors[number].content is None:
            raise self.error(f"input {position} must be a constant")
        return self.content.tensors[number].array(self.place)

    def whole(self, position: int) -> list[int]:
        """The numbers of a constant of whole numbers. Raises: ConvertError for any other value."""
        array = self.array(position)
        if array.dtype.kind != "i":
            raise self.error(f"input {position} is {array.dtype}; whole numbers are needed")
        return array.reshape(-1).tolist()

    def value(self, position: int, is_bits: bool = False) -> str:
        """The name in the graph of a value. Raises: ConvertError for bits, unless asked for."""
        number, name = self._number(position), self._known(position)
        if (number in self._bits) != is_bits:
            found = "words of bits" if number in self._bits else "real numbers"
            raise self.error(f"input {position} holds {found}, which it cannot read")
        return name

    def shape(self, position: int) -> tuple[int, ...]:
        """The shape of a value in the graph for one sample, channels first."""
        return tuple(self.graph.example(self._known(position)).shape[1:])

    def option(self, name: str) -> Any:
        """An option of an operator of the schema, by its name there."""
        if self.operator.table is None:
            raise self.error("its options are missing")
        with damage_named(f"{self.place}: option {name}"):
            return getattr(self.operator.table, name)()

    def activation(self) -> Function:
        """The activation that is fused into the operator."""
        ends = self.ends_of(self.option("FusedActivationFunction"))
        return lambda x: x if ends is None else x.clamp(*ends)

    def ends_of(self, code: int) -> tuple[float, float] | None:
        """What a fused activation clamps to; None where it changes nothing."""
        if code not in _ENDS:
            raise self.error(f"fused activation {code}; none, relu, relu6 and -1 to 1 can be read")
        return _ENDS[code]

    def padding(self) -> int:
        """SAME or VALID."""
        padding = self.option("Padding")
        if padding not in (SAME, VALID):
            raise self.error(f"padding {padding}; SAME and VALID can be read")
        return padding

    def custom(self) -> Options:
        """The options of an operator that is not of the schema."""
        return Options(self.operator.table, self.place)

    def constant(self, array: NDArray[Any] | torch.Tensor) -> str:
        """Put a constant into the graph, channels first. Returns its name there."""
        tensor = array if isinstance(array, torch.Tensor) else torch.from_numpy(array.copy())
        name = f"constant {self.operator.outputs} {self._added}"
        self._added += 1
        self.graph.set_constant(name, tensor)
        return name

    def emit(self, compute: Compute, *inputs: str, is_bits: bool = False) -> None:
        """Add the operator to the graph, and compare the shapes of its results with the file's."""
        outputs = [str(number) for number in self.operator.outputs]
        self.graph.add(self.operator.kind, self.label, inputs, outputs, compute)
        for number in self.operator.outputs:
            if is_bits:
                self._bits.add(number)
            self._require_shape(number)

    def _require_shape(self, number: int) -> None:
        said = self.content.tensors[number]
        found = self.graph.example(str(number))
        shape = list(channels_last(tuple(found.shape)))
        if number in self._bits:
            shape[-1] = -(-shape[-1] // 32)
        kind = (
            "INT32" if number in self._bits else "BOOL" if found.dtype == torch.bool else "FLOAT32"
        )
        if (self.batch, *shape[1:]) != said.shape or said.kind != kind:
            raise self.error(
                f"gives {kind} {[self.batch, *shape[1:]]}, but the file says {said.described}"
            )

    def _known(self, position: int) -> str:
        name = str(self._number(position))
        if not self.graph.knows(name):
            raise self.error(f"input {position} is computed by no operator before it")
        return name

    def _number(self, position: int) -> int:
        if not self.has(position):
            raise self.error(f"input {position} is missing")
        return self.operator.inputs[position]


def channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in the file of a value of the graph."""
    return shape if len(shape) < 3 else (shape[0], *shape[2:], shape[1])


def channels_first(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape in the graph of a value of the file."""
    return tuple(shape) if len(shape) < 3 else (shape[0], shape[-1], *shape[1:-1])


def to_channels_last(value: torch.Tensor) -> torch.Tensor:
    """A value in the order of the file."""
    return value if value.dim() < 3 else value.movedim(1, -1)


def to_channels_first(value: torch.Tensor) -> torch.Tensor:
    """A value in the order of the graph."""
    return value if value.dim() < 3 else value.movedim(-1, 1)


def axis_in_graph(axis: int, rank: int) -> int:
    """The axis in the graph of an axis of the file.  Negative axes count from the end."""
    axis = axis % rank
    if rank < 3 or axis == 0:
        return axis
    return 1 if axis == rank - 1 else axis + 1


def operand(array: NDArray[Any], rank: int) -> NDArray[Any]:
    """A constant that meets a value of `rank` axes by NumPy's rules, in the order of the graph."""
    full = array.reshape((1,) * (rank - array.ndim) + array.shape)
    return full if rank < 3 else np.moveaxis(full, -1, 1)
