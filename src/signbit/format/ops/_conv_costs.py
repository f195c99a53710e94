"""The cost of convolutions in an engine: work, and memory for weights, tables and scratch.

The numbers are bounds over all kernels of csrc/. The instruction set that pads most, or takes
longest, determines them.
"""

from typing import NamedTuple

from signbit.format.bits import WORD, words_for
from signbit.format.ops._base import Attributes, rounded_up
from signbit.format.types import ValueType

# From conv_f32_step.cc and kernels/real: the numbers in gathered windows, and the windows and
# channels of a block.
_WINDOW_NUMBERS, _WINDOWS, _LANES = 1 << 14, 6, 16
# Output positions whose sums a strip holds.
_STRIP = 64


class Shape(NamedTuple):
    """The sizes of a convolution."""

    source: ValueType
    output: ValueType
    attributes: Attributes

    @property
    def taps(self) -> int:
        """The taps of a window."""
        height, width = self.attributes["kernel"]
        return height * width

    @property
    def groups(self) -> int:
        """The groups of channels."""
        return self.attributes["groups"]

    @property
    def depth(self) -> int:
        """The input channels of a group."""
        return self.source.channels // self.groups

    @property
    def channels(self) -> int:
        """The channels of the output."""
        return self.output.channels

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel has a filter of its own."""
        return 1 < self.groups == self.source.channels == self.channels


def bits_work(shape: Shape) -> int:
    """XOR and popcount of words."""
    words = shape.taps * words_for(shape.depth)
    return shape.output.elements * (24 + 8 * words)


def pixels_work(shape: Shape) -> int:
    """Additions of pixels."""
    return shape.output.elements * (20 + shape.taps * (2 + shape.depth))


def reals_work(shape: Shape) -> int:
    """Multiplications of float32 numbers, in blocks of channels; windows are gathered before."""
    if shape.is_depthwise:
        return shape.output.positions * (20 + shape.taps * (8 + 3 * shape.channels))
    lanes = rounded_up(shape.channels // shape.groups, _LANES)
    window = shape.taps * (8 + shape.depth * (1 + 5 * lanes))
    return shape.output.positions * shape.groups * (20 + window)


def bits_memory(shape: Shape) -> int:
    """Weights as they are, meanings of limits, and weights in nibbles or lanes of 64 channels."""
    words = shape.taps * words_for(shape.depth)
    padded = rounded_up(shape.channels, WORD)
    weights = 8 * words * shape.channels + padded * (16 * words + 32)
    # The place of each lane, or of each run of nibbles.
    places = shape.taps * 64 + 16 * words
    return weights + places + _tables(shape) + _sums(shape) + _streams(shape) + 8 * words


def pixels_memory(shape: Shape) -> int:
    """Weights as bytes, and again in steps of 4 taps for 64 channels."""
    step = shape.taps * rounded_up(shape.depth, 4)
    weights = shape.channels * shape.taps * shape.depth + rounded_up(shape.channels, WORD) * step
    return weights + 8 * (step + shape.taps) + _tables(shape) + _sums(shape)


def reals_memory(shape: Shape) -> int:
    """Weights as float32 numbers, and again in the order of the kernel; gathered windows."""
    terms = shape.taps * shape.depth
    plain = 4 * shape.channels * terms
    if shape.is_depthwise:
        return 2 * plain + 4 * shape.channels
    lanes = shape.groups * rounded_up(shape.channels // shape.groups, _LANES)
    blocks = min(max(_WINDOW_NUMBERS // (terms * _WINDOWS), 1), _STRIP // _WINDOWS)
    windows = min(blocks * _WINDOWS, shape.output.positions)
    return plain + 4 * terms * (lanes + windows)


def _tables(shape: Shape) -> int:
    """The meaning of a count in each channel, for each set of taps inside the map."""
    rows = _border_classes(shape, 0)
    columns = _border_classes(shape, 1)
    padded = rounded_up(shape.channels, WORD)
    positions = shape.output.height + shape.output.width
    return rows * columns * (8 * shape.channels + 4 * padded) + 96 * positions + 8 * shape.channels


def _border_classes(shape: Shape, axis: int) -> int:
    """Positions whose window reaches over an edge, and one for all others."""
    attributes = shape.attributes
    stride, padding = attributes["stride"][axis], attributes["padding"]
    reaching = sum(-(-padding[side] // stride) for side in (axis, axis + 2))
    positions = (shape.output.height, shape.output.width)[axis]
    return min(1 + reaching, positions)


def _strip_rows(shape: Shape) -> int:
    return min(max(_STRIP // shape.output.width, 1), shape.output.height)


def _sums(shape: Shape) -> int:
    """Sums of a strip, before they become real numbers."""
    return 4 * _strip_rows(shape) * shape.output.width * shape.channels


def _streams(shape: Shape) -> int:
    """The input of a strip, as 16 table offsets for each word, and its counts."""
    reach = [
        (positions - 1) * stride + (kernel - 1) * dilation + 1
        for positions, stride, kernel, dilation in zip(
            (_strip_rows(shape), shape.output.width),
            shape.attributes["stride"],
            shape.attributes["kernel"],
            shape.attributes["dilation"],
            strict=True,
        )
    ]
    pairs = _strip_rows(shape) * -(-shape.output.width // 2) + 1
    return 32 * reach[0] * reach[1] * words_for(shape.source.channels) + pairs * (256 + 16)
