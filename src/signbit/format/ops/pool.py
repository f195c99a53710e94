"""Pooling over windows."""

from collections.abc import Sequence
from math import prod

from signbit.format.bits import words_for
from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.ops._windows import WINDOW, require_window_meets_map, window_output
from signbit.format.types import BITS, F32, I32, Flag, Node, Padding, ValueType


class _Pool(AbstractOperation):
    """What the two share."""

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Each tap looks at all channels; of bits, a word at once."""
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
        """Of bits, so that no bounds are tested."""
        return Padding(*node.attributes["padding"]) if inputs[0].kind == BITS else Padding()

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        """Of bits, the place of each tap."""
        return 8 * prod(node.attributes["kernel"]) if output.kind == BITS else 0


class _AvgPool(_Pool):
    """The mean of each window: a float32 sum in the order of rows, divided by the count.

    Padding counts as zeros with `count_padding`, else not at all.
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
