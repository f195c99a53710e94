"""Sums, means and maxima over whole sides of a map."""

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.types import F32, Choice, Choices, Node, ValueType

AXES = ("height", "width", "channels")
FUNCTIONS = ("maximum", "mean", "sum")


class _Reduce(AbstractOperation):
    """f32 to f32: one number for all numbers along the sides in `axes`, which become 1."""

    kinds = ((F32,),)
    attributes: ClassVar = {"function": Choice(FUNCTIONS), "axes": Choices(AXES)}
    since = 2
    order_matters = True

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]._replace(**dict.fromkeys(attributes["axes"], 1))

    def last_bits_vary(self, node: Node) -> bool:
        """The format does not define the order of additions. A maximum has none."""
        return node.attributes["function"] != "maximum"

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Each number of the input is read once, with the channels of a pixel together."""
        (source,) = inputs
        return 20 * prod(output[1:]) + 10 * source.positions + 4 * source.elements


operations.register("reduce")(_Reduce())
