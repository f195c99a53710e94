"""Elements of a value at other places: slices, padding, permutations, shuffles, repeats."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError
from signbit.format.ops._base import (
    AbstractOperation,
    Attributes,
    operations,
    rounded_up,
    tensor_bytes,
)
from signbit.format.types import (
    BITS,
    F32,
    I32,
    MAX_CHANNELS,
    U8,
    Node,
    Number,
    TensorType,
    ValueType,
    Whole,
    value_type,
)

# A number of bytes that any cache can hold.
_CACHED = 1 << 20
_AXES = ("rows", "columns", "channels")
_LEAST, _MOST = np.iinfo(np.int32).min, np.iinfo(np.int32).max


class _Move(AbstractOperation):
    """Any kind to the same: (y, x, k) is the input's element rows[y] + columns[x] + channels[k].

    Elements are counted row by row, channels innermost. Where one of the three is -1, the output is
    `fill`.
    """

    kinds = ((U8, BITS, I32, F32),)
    attributes: ClassVar = {"size": Whole(1, MAX_CHANNELS, 3), "fill": Number()}
    since = 2

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        kind = inputs[0].kind
        if not _can_fill(kind, float(attributes["fill"])):
            raise UsageError(
                f"attribute 'fill' is {attributes['fill']}; give {_FILLS[kind]} for {kind}"
            )
        height, width, channels = attributes["size"]
        return value_type(kind, height, width, channels)

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        return {
            name: TensorType("int32", (length,))
            for name, length in zip(_AXES, attributes["size"], strict=True)
        }

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:
        """No sum may reach beyond the input."""
        for name in _AXES:
            if node.tensors[name].min() < -1:
                raise UsageError(f"tensor {name!r} holds {node.tensors[name].min()}, below -1")
        last = sum(int(node.tensors[name].max()) for name in _AXES)
        if last >= inputs[0].elements:
            raise UsageError(
                f"the largest of 'rows', 'columns' and 'channels' add up to element {last}, but "
                f"{inputs[0]} has {inputs[0].elements}, counted from 0"
            )

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Element by element. Elements of a large input may each come from main memory."""
        units = 10 * output.positions + 12 * output.elements
        if inputs[0].positions * inputs[0].pixel_bytes <= _CACHED:
            return units
        in_order = (np.diff(node.tensors["channels"]) == 1).all()
        return units + 60 * (output.positions if in_order else output.elements)

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """A copy of the tensors, and a filled pixel in whole words."""
        return tensor_bytes(node) + rounded_up(output.pixel_bytes, 8)


_FILLS = {
    U8: "a whole number, 0 to 255,",
    BITS: "-1 or +1",
    I32: "a whole number of 32 bits",
    F32: "a number",
}


def _can_fill(kind: str, fill: float) -> bool:
    if kind == F32:
        return True
    if kind == BITS:
        return fill in (-1, 1)
    least, most = (0, 255) if kind == U8 else (_LEAST, _MOST)
    return least <= fill <= most and fill == int(fill)


def move_places(node: Node) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """For each output element, the input element that goes there, and whether there is none.

    Shape:  two arrays, (height, width, channels) of the output. Without an input element, 0.
    """
    parts = np.ix_(*(node.tensors[name].astype(np.int64) for name in _AXES))
    filled = (parts[0] < 0) | (parts[1] < 0) | (parts[2] < 0)
    return np.where(filled, 0, parts[0] + parts[1] + parts[2]), filled


operations.register("move")(_Move())
