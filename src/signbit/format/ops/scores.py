"""Probabilities over the channels."""

from collections.abc import Sequence

from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.types import F32, Node, ValueType


class _Softmax(AbstractOperation):
    """exp(x - highest), divided by their sum."""

    kinds = ((F32,),)

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        return inputs[0]

    def last_bits_vary(self, node: Node) -> bool:
        """True: exponentials and logarithms differ between libraries, and the order of sums may."""
        return True

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Two exponentials for each number."""
        return 10 * output.positions + 12 * output.elements


class _LogSoftmax(_Softmax):
    """x - highest - log of the sum of exp(x - highest)."""


operations.register("softmax")(_Softmax())
operations.register("log_softmax")(_LogSoftmax())
