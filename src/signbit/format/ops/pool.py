"""Pooling over windows."""

from collections.abc import Sequence
from math import prod

from signbit.format.bits import words_for
from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.ops._windows import WINDOW, require_window_meets_map, window_output
from signbit.format.types import BITS, F32, I32, Flag, Node, Padding, ValueType


class _Pool(AbstractOperation):
    """The common part of both poolings."""

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Each tap reads all channels; bits are read a word at a time."""
        taps = prod(node.attributes["kernel"])
        if output.kind == BITS:
            return output.positions * words_for(output.channels) * (8 + taps)
        return output.positions * (10 + taps * (6 + output.channels))


class _MaxPool(_Pool):
    """The highest value of each window; of bits, their OR. Padding is never the highest."""

    kinds = ((BITS, I32, F32),)
    attributes = WINDOW

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        (source,) = inputs
        require_window_meets_map(attributes, source)
        return window_output(attributes, source, source.kind, source.channels)

    def border(self, node: Node, inputs: Sequence[ValueType]) -> Padding:
        """Bits get a border, so that bounds need no tests."""
        return Padding(*node.attributes["padding"]) if inputs[0].kind == BITS else Padding()

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """For bits, the place of each tap."""
        return 8 * prod(node.attributes["kernel"]) if output.kind == BITS else 0


class _AvgPool(_Pool):
    """The mean of each window: a float32 sum in the order of rows, divided by the count.

    With `count_padding`, padding counts as zeros. Otherwise it does not count.
    """

    kinds = ((F32,),)
    order_matters = True
    attributes = {key: WINDOW[key] for key in ("kernel", "stride", "padding")} | {
        "count_padding": Flag()
    }

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        (source,) = inputs
        windows = {**attributes, "dilation": (1, 1)}
        require_window_meets_map(windows, source)
        return window_output(windows, source, F32, source.channels)


operations.register("max_pool")(_MaxPool())
operations.register("avg_pool")(_AvgPool())
