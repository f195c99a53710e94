"""Functions of one number, and of two."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from signbit.errors import UsageError
from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.types import F32, Choice, Node, ValueType, value_type


class _Function(NamedTuple):
    """What is known of a function; its value stands in docs/format.md.

    is_exact: whether every implementation rounds it alike.
    units: of work for a number, at most.
    """

    is_exact: bool
    units: int


UNARY = {
    "abs": _Function(True, 4),
    "cos": _Function(False, 40),
    "elu": _Function(False, 40),
    "erf": _Function(False, 40),
    "exp": _Function(False, 40),
    "floor": _Function(True, 4),
    "log": _Function(False, 40),
    "reciprocal": _Function(True, 4),
    "round": _Function(True, 4),
    "sigmoid": _Function(False, 40),
    "sign": _Function(True, 4),
    "sin": _Function(False, 40),
    "softplus": _Function(False, 40),
    "sqrt": _Function(True, 4),
    "tanh": _Function(False, 40),
}
BINARY = ("add", "maximum", "minimum", "multiply")


class _Unary(AbstractOperation):
    """f32 to f32: a function of each number. NaN stays."""

    kinds = ((F32,),)
    attributes: ClassVar = {"function": Choice(tuple(UNARY))}
    since = 2

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]

    def last_bits_vary(self, node: Node) -> bool:
        """Those of a mathematical library."""
        return not UNARY[node.attributes["function"]].is_exact

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        units = UNARY[node.attributes["function"]].units
        return 10 * output.positions + units * output.elements


class _Binary(AbstractOperation):
    """f32 and f32 to f32: a function of two numbers. A side of 1 goes with any other side."""

    kinds = ((F32,), (F32,))
    attributes: ClassVar = {"function": Choice(BINARY)}
    since = 2

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        left, right = inputs
        sides = list(zip(left[1:], right[1:], strict=True))
        if any(a != b and 1 not in (a, b) for a, b in sides):
            raise UsageError(f"inputs differ: {left}, {right}; a side is the same in both, or 1")
        height, width, channels = map(max, sides)
        return value_type(F32, height, width, channels)


operations.register("unary")(_Unary())
operations.register("binary")(_Binary())
