"""Pooling over windows."""

from collections.abc import Sequence

from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.ops._windows import WINDOW, require_window_meets_map, window_output
from signbit.format.types import BITS, F32, I32, Flag, ValueType


class _MaxPool(AbstractOperation):
    """The highest value of each window; of bits, their OR. Padding is never the highest."""

    kinds = ((BITS, I32, F32),)
    attributes = WINDOW

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        (source,) = inputs
        require_window_meets_map(attributes, source)
        return window_output(attributes, source, source.kind, source.channels)


class _AvgPool(AbstractOperation):
    """The mean of each window: a float32 sum in the order of rows, divided by the count.

    Padding counts as zeros with `count_padding`, else not at all.
    """

    kinds = ((F32,),)
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
