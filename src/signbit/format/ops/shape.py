"""Operations that only move values."""

from collections.abc import Sequence

from signbit.errors import UsageError
from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.types import BITS, F32, I32, U8, Node, ValueType, value_type

_ANY = (U8, BITS, I32, F32)


class _Flatten(AbstractOperation):
    """All elements as one row of channels, in the order (channel, row, column), as in torch."""

    kinds = (_ANY,)

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return value_type(inputs[0].kind, 1, 1, inputs[0].elements)

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Element by element, each far from the one before."""
        return 12 * output.elements


class _Concat(AbstractOperation):
    """The channels of all inputs, one after the other."""

    kinds = (_ANY,)
    variadic = True

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        first = inputs[0]
        for other in inputs[1:]:
            if other._replace(channels=first.channels) != first:
                raise UsageError(f"inputs differ in more than channels: {first}, {other}")
        channels = sum(one.channels for one in inputs)
        return value_type(first.kind, first.height, first.width, channels)

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Element by element, from each input at each position."""
        return output.positions * (10 + 6 * len(inputs)) + 6 * output.elements


operations.register("flatten")(_Flatten())
operations.register("concat")(_Concat())
