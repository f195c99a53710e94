"""Convolutions. A linear layer is one whose kernel is the whole map.

All correlate: output (y, x, o) is the sum over taps (i, j) and input channels of the group of
weight (o, i, j, c) times input (y * stride + i * dilation - padding, ..., c). A padded tap
adds nothing, unless `padding_value` says that it counts as -1 or +1.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from signbit.errors import UsageError
from signbit.format.bits import has_tail_bits, words_for
from signbit.format.ops import _conv_costs as costs
from signbit.format.ops._base import AbstractOperation, Attributes, operations
from signbit.format.ops._windows import WINDOW, window_output
from signbit.format.types import (
    BITS,
    F32,
    I32,
    MAX_CHANNELS,
    U8,
    Node,
    Padding,
    TensorType,
    ValueType,
    Whole,
)

MAX_SUM = 2**31 - 1
_CONV = WINDOW | {"channels": Whole(1, MAX_CHANNELS), "groups": Whole(1, MAX_CHANNELS)}


def _group_channels(attributes: Attributes, source: ValueType) -> int:
    groups = attributes["groups"]
    if source.channels % groups or attributes["channels"] % groups:
        raise UsageError(
            f"{groups} groups do not divide {source.channels} input and "
            f"{attributes['channels']} output channels"
        )
    return source.channels // groups


def fan_in(attributes: Attributes, source: ValueType) -> int:
    """Terms of one sum, where no tap is padded."""
    height, width = attributes["kernel"]
    return height * width * _group_channels(attributes, source)


def largest_pixel(multiplier: int, offset: int) -> int:
    """The largest magnitude of the integers multiplier * p + offset that pixels p stand for."""
    return max(abs(offset), abs(255 * multiplier + offset))


class _Conv(AbstractOperation):
    """The common part of convolutions.  gives: the kind of their output."""

    gives = I32
    is_convolution = True

    def infer(self, attributes: Attributes, inputs: Sequence[ValueType]) -> ValueType:
        """A map of sums."""
        terms = fan_in(attributes, inputs[0])
        if self.gives == I32 and terms * self.largest_part(attributes) > MAX_SUM:
            raise UsageError(f"sums of {terms} terms can overflow 32 bits")
        return window_output(attributes, inputs[0], self.gives, attributes["channels"])

    def macs(self, node: Node, source: ValueType, output: ValueType) -> int:
        """Padded taps count as well."""
        return fan_in(node.attributes, source) * output.elements

    def border(self, node: Node, inputs: Sequence[ValueType]) -> Padding:
        """The padding: kernels do not test bounds."""
        return Padding(*node.attributes["padding"])

    def largest_part(self, attributes: Attributes) -> int:
        """The largest magnitude of an input, or of a part of it, that is added to 32-bit sums."""
        return 1

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        """One bit per weight, the input channels of the group packed into words."""
        words = words_for(_group_channels(attributes, inputs[0]))
        shape = (attributes["channels"], *attributes["kernel"], words)
        return {"weight": TensorType("uint64", shape)}

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:
        """Tail bits must be 0, so that XOR cancels them."""
        channels = _group_channels(node.attributes, inputs[0])
        if has_tail_bits(node.tensors["weight"], channels):
            raise UsageError(f"tensor 'weight' has bits set beyond its {channels} channels")


class _ConvBits(_Conv):
    kinds = ((BITS,),)
    attributes = _CONV | {"padding_value": Whole(-1, 1)}

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.bits_work(costs.Shape(inputs[0], output, node.attributes))

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.bits_memory(costs.Shape(inputs[0], output, node.attributes))

    def scratch(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.bits_scratch(costs.Shape(inputs[0], output, node.attributes))


class _ConvU8(_Conv):
    kinds = ((U8,),)
    # A pixel p stands for the integer multiplier * p + offset.
    attributes = _CONV | {"multiplier": Whole(1, 255), "offset": Whole(-65535, 65535)}

    def largest_part(self, attributes: Attributes) -> int:
        """The largest integer that a pixel stands for. The offset may be added to a whole sum."""
        multiplier, offset = attributes["multiplier"], attributes["offset"]
        return max(255 * multiplier, largest_pixel(multiplier, offset))

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.pixels_work(costs.Shape(inputs[0], output, node.attributes))

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.pixels_memory(costs.Shape(inputs[0], output, node.attributes))

    def scratch(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.pixels_scratch(costs.Shape(inputs[0], output, node.attributes))


class _RealConv(_Conv):
    """Convolutions of real inputs. An engine always multiplies with float32 weights."""

    gives = F32
    kinds = ((F32,),)
    order_matters = True

    def work(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.reals_work(costs.Shape(inputs[0], output, node.attributes))

    def memory(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.reals_memory(costs.Shape(inputs[0], output, node.attributes))

    def scratch(self, node: Node, inputs: Sequence[ValueType], output: ValueType) -> int:
        return costs.reals_scratch(costs.Shape(inputs[0], output, node.attributes))


class _ConvF32Bits(_RealConv):
    attributes = _CONV | {"padding_value": Whole(-1, 1)}


class _ConvF32(_RealConv):
    attributes = _CONV

    def tensors(
        self, attributes: Attributes, inputs: Sequence[ValueType]
    ) -> Mapping[str, TensorType]:
        """Real weights."""
        channels = _group_channels(attributes, inputs[0])
        shape = (attributes["channels"], *attributes["kernel"], channels)
        return {"weight": TensorType("float32", shape)}

    def check_values(self, node: Node, inputs: Sequence[ValueType]) -> None:
        """Weights must be finite."""
        if not np.isfinite(node.tensors["weight"]).all():
            raise UsageError("tensor 'weight' holds NaN or infinity")


operations.register("conv_bits")(_ConvBits())
operations.register("conv_u8")(_ConvU8())
operations.register("conv_f32_bits")(_ConvF32Bits())
operations.register("conv_f32")(_ConvF32())
