"""Functions of one number, and of two."""

from collections.abc import Sequence
from typing import ClassVar

from signbit.errors import UsageError
from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.types import F32, Choice, Node, ValueType, value_type

# For each function, whether every implementation computes the same bits. The others come from a
# mathematical library. docs/format.md defines the values.
UNARY = {
    "abs": True,
    "cos": False,
    "elu": False,
    "erf": False,
    "exp": False,
    "floor": True,
    "log": False,
    "reciprocal": True,
    "round": True,
    "sigmoid": False,
    "sign": True,
    "sin": False,
    "softplus": False,
    "sqrt": True,
    "tanh": False,
}
BINARY = ("add", "divide", "masked", "maximum", "minimum", "multiply")


class _Unary(AbstractOperation):
    """f32 to f32: a function of each number. NaN stays."""

    kinds = ((F32,),)
    attributes: ClassVar = {"function": Choice(tuple(UNARY))}
    since = 2

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]

    def last_bits_vary(self, node: Node) -> bool:
        """True for functions of a mathematical library."""
        return not UNARY[node.attributes["function"]]

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """A function of a library takes longest where its argument is large or nearly 0."""
        units = 8 if UNARY[node.attributes["function"]] else 40
        return 10 * output.positions + units * output.elements


class _Binary(AbstractOperation):
    """f32 and f32 to f32: a function of two numbers. A side of 1 is repeated to fit the other."""

    kinds = ((F32,), (F32,))
    attributes: ClassVar = {"function": Choice(BINARY)}
    since = 2

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        left, right = inputs
        sides = list(zip(left[1:], right[1:], strict=True))
        if any(a != b and 1 not in (a, b) for a, b in sides):
            raise UsageError(
                f"inputs differ: {left}, {right}; each side must be the same in both, or 1"
            )
        height, width, channels = map(max, sides)
        return value_type(F32, height, width, channels)


operations.register("unary")(_Unary())
operations.register("binary")(_Binary())
