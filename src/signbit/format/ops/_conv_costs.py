"""The cost of convolutions in an engine: work, and memory for weights, tables and scratch.

The numbers are bounds over all kernels of csrc/. The instruction set that pads most, or takes
longest, determines them.
"""

from typing import NamedTuple

from signbit.format.bits import WORD, words_for
from signbit.format.ops._base import Attributes, rounded_up
from signbit.format.types import ValueType

# The channels of a vector: a group has whole ones.
_LANES = 16
# Output positions whose sums a strip holds.
_STRIP = 64
# The most samples that an engine computes together: their map has rows of 4.
_GROUP = (8, 4)


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
    def padded_channels(self) -> int:
        """Whole blocks of 64 channels, or whole vectors of each group, whichever are more."""
        vectors = self.groups * rounded_up(self.channels // self.groups, _LANES)
        return max(rounded_up(self.channels, WORD), vectors)

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel has a filter of its own."""
        return 1 < self.groups == self.source.channels == self.channels

    @property
    def is_linear(self) -> bool:
        """Whether each weight is used once for a sample, and the samples of a group share it."""
        return self.output.positions == self.groups == 1 and not any(self.attributes["padding"])

    def of_group(self) -> "Shape":
        """The windows of the samples of a group, as a map with a position for each sample."""
        rows, columns = _GROUP
        window = {"kernel": (1, self.taps), "stride": (1, self.taps), "dilation": (1, 1)}
        return Shape(
            self.source._replace(height=rows, width=columns * self.taps),
            self.output._replace(height=rows, width=columns),
            self.attributes | window,
        )


def bits_work(shape: Shape) -> int:
    """XOR and popcount of words."""
    words = shape.taps * words_for(shape.depth)
    return shape.output.elements * (24 + 8 * words)


def pixels_work(shape: Shape) -> int:
    """Additions of pixels."""
    return shape.output.elements * (20 + shape.taps * (2 + shape.depth))


def reals_work(shape: Shape) -> int:
    """Multiplications of float32 numbers, in blocks of channels."""
    if shape.is_depthwise:
        return shape.output.positions * (20 + shape.taps * (8 + 3 * shape.channels))
    lanes = rounded_up(shape.channels // shape.groups, _LANES)
    window = shape.taps * (8 + shape.depth * (1 + 5 * lanes))
    return shape.output.positions * shape.groups * (20 + window)


def bits_memory(shape: Shape) -> int:
    """The kernel, and a second one for groups of samples."""
    memory = _bits_kernel(shape)
    if shape.is_linear:
        memory += _bits_kernel(shape.of_group()) + _windows(shape, 8 * words_for(shape.depth))
    return memory


def _bits_kernel(shape: Shape) -> int:
    """Weights as they are, meanings of limits, and weights in nibbles or lanes of 64 channels."""
    words = shape.taps * words_for(shape.depth)
    weights = 8 * words * shape.channels + shape.padded_channels * (16 * words + 32)
    # The place of each lane, or of each run of nibbles.
    places = shape.taps * 64 + 24 * words
    return weights + places + _tables(shape) + _sums(shape) + _streams(shape) + _columns(shape)


def pixels_memory(shape: Shape) -> int:
    """The kernel, and a second one for groups of samples."""
    memory = _pixels_kernel(shape)
    if shape.is_linear:
        memory += _pixels_kernel(shape.of_group()) + _windows(shape, shape.depth)
    return memory


def _pixels_kernel(shape: Shape) -> int:
    """Weights as bytes, and again in steps of 4 taps for 64 channels."""
    step = shape.taps * rounded_up(shape.depth, 4)
    weights = shape.channels * shape.taps * shape.depth + rounded_up(shape.channels, WORD) * step
    return weights + 8 * (step + shape.taps) + _tables(shape) + _sums(shape)


def reals_memory(shape: Shape) -> int:
    """Weights as float32 numbers, and again in the order of the kernel; results, and windows."""
    terms = shape.taps * shape.depth
    lanes = rounded_up(shape.channels, _LANES) if shape.is_depthwise else shape.padded_channels
    weights = 4 * terms * (shape.channels + lanes) + 64 * shape.taps
    memory = weights + _sums(shape) + _copied_input(shape)
    if shape.is_linear:
        memory += _sums(shape.of_group()) + _windows(shape, 4 * shape.depth)
    return memory


def _windows(shape: Shape, tap_bytes: int) -> int:
    """The windows of the samples of a group, and what a kernel may read after them."""
    rows, columns = _GROUP
    return rows * columns * shape.taps * tap_bytes + 2 * 64


def _copied_input(shape: Shape) -> int:
    """The input with a border that is not zero."""
    if not shape.attributes.get("padding_value", 0):
        return 0
    top, left, bottom, right = shape.attributes["padding"]
    source = shape.source
    return 4 * (source.height + top + bottom) * (source.width + left + right) * source.channels


def _tables(shape: Shape) -> int:
    """The meaning of a count in each channel, for each set of taps inside the map."""
    rows = _border_classes(shape, 0)
    columns = _border_classes(shape, 1)
    positions = shape.output.height + shape.output.width
    channels = shape.channels
    return rows * columns * 8 * (channels + shape.padded_channels) + 96 * positions + 8 * channels


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
    """Results of a strip, before they are finished: whole blocks, and one more with groups."""
    channels = rounded_up(shape.channels, WORD) + WORD * (shape.groups > 1)
    return 4 * _strip_rows(shape) * shape.output.width * channels


def _columns(shape: Shape) -> int:
    """The bits of each column of taps that the windows of a row see, in whole words."""
    attributes = shape.attributes
    rows, columns = attributes["kernel"]
    reach = (shape.output.width - 1) * attributes["stride"][1] + (columns - 1) * attributes[
        "dilation"
    ][1]
    return 8 * ((reach + 1) * words_for(rows * shape.depth) + 1)


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
