"""The cost of convolutions in an engine: work, and memory for weights, tables and scratch.

The numbers are bounds over all kernels of csrc/. The instruction set that pads most, or takes
longest, determines them.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from signbit.format.bits import WORD, words_for
from signbit.format.ops._base import Attributes, rounded_up
from signbit.format.types import ValueType

# The channels of a vector: a group has whole ones.
_LANES = 16
# Numbers that a strip holds before they are finished.
_STRIP_NUMBERS = 4096
# Output positions of a strip of the kernels that read streams, and of those that read planes.
_STREAM_STRIP, _PLANE_STRIP = 128, 192
# So few channels leave much of a word, or of a block of outputs, empty.
_NARROW = 32
# The terms of a sum whose limits fit 16 bits.
_MOST_SHUFFLE_TERMS = 32766
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
        return self.has_one_position and not any(self.attributes["padding"])

    @property
    def has_one_position(self) -> bool:
        """Whether kernels for a single position may compute it."""
        return self.output.positions == self.groups == 1

    def of_group(self) -> "Shape":
        """The windows of the samples of a group, as a map with a position for each sample."""
        rows, columns = _GROUP
        window = {"kernel": (1, self.taps), "stride": (1, self.taps), "dilation": (1, 1)}
        return Shape(
            self.source._replace(height=rows, width=columns * self.taps),
            self.output._replace(height=rows, width=columns),
            {**self.attributes, **window},
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
    return _with_group(_bits_kernel, shape)


def _bits_kernel(shape: Shape) -> int:
    """Weights as they are, meanings of limits, and weights in nibbles or lanes of 64 channels."""
    words = shape.taps * words_for(shape.depth)
    weights = 8 * words * shape.channels + shape.padded_channels * (16 * words + 32)
    # The place of each lane, or of each run of nibbles.
    places = shape.taps * 64 + 24 * words
    return weights + places + _tables(shape) + _look_ups(shape)


def bits_scratch(shape: Shape) -> int:
    """Results, and windows of a group of samples, in the form that a kernel reads."""
    return _with_group(_bits_strip, shape) + _windows(shape, 8 * words_for(shape.depth))


def _bits_strip(shape: Shape) -> int:
    # For a single position, two tables of 16 bytes for each byte of the window.
    tables = 256 * shape.taps * words_for(shape.depth) if shape.has_one_position else 0
    return _sums(shape) + max(_streams(shape), _columns(shape), _planes(shape), tables)


def pixels_memory(shape: Shape) -> int:
    """The kernel, and a second one for groups of samples."""
    return _with_group(_pixels_kernel, shape)


def _pixels_kernel(shape: Shape) -> int:
    """Weights as bytes, and again in steps of 4 taps for 64 channels."""
    step = shape.taps * rounded_up(shape.depth, 4)
    weights = shape.channels * shape.taps * shape.depth + rounded_up(shape.channels, WORD) * step
    return weights + 8 * (step + shape.taps) + _tables(shape)


def pixels_scratch(shape: Shape) -> int:
    """Results, windows of a group of samples, and for a single position, tables."""
    # Four tables of 16 bytes for each eight pixels, and these pixels.
    tables = 72 * -(-shape.taps * shape.depth // 8) if shape.has_one_position else 0
    return _with_group(_sums, shape) + _windows(shape, shape.depth) + tables


def reals_memory(shape: Shape) -> int:
    """Weights as float32 numbers, and again in the order of the kernel."""
    terms = shape.taps * shape.depth
    lanes = rounded_up(shape.channels, _LANES) if shape.is_depthwise else shape.padded_channels
    return 4 * terms * (shape.channels + lanes) + 64 * shape.taps


def reals_scratch(shape: Shape) -> int:
    """Results, windows of a group of samples, and the input with a border that is not zero."""
    return _with_group(_sums, shape) + _windows(shape, 4 * shape.depth) + _copied_input(shape)


def _with_group(bytes_of: Callable[[Shape], int], shape: Shape) -> int:
    """Of a layer, and where samples may share its weights, of a group of samples as well."""
    return bytes_of(shape) + (bytes_of(shape.of_group()) if shape.is_linear else 0)


def _windows(shape: Shape, tap_bytes: int) -> int:
    """The windows of the samples of a group, and what a kernel may read after them."""
    rows, columns = _GROUP
    return rows * columns * shape.taps * tap_bytes + 2 * 64 if shape.is_linear else 0


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


def _sums(shape: Shape) -> int:
    """Results of a strip, before they are finished: whole blocks, and one more with groups.

    Layers of few channels have smaller blocks.
    """
    channels = rounded_up(shape.channels, WORD) + WORD * (shape.groups > 1)
    if shape.groups == 1 and shape.channels <= _NARROW:
        channels = rounded_up(shape.channels, _LANES)
    rows = _strip_rows(shape, max(_STRIP_NUMBERS // channels, WORD), shape.output.width)
    return 4 * rows * shape.output.width * channels


def _strip_rows(shape: Shape, positions: int, width: int) -> int:
    return min(max(positions // width, 1), shape.output.height)


def _columns(shape: Shape) -> int:
    """The bits of each column of taps that the windows of a row see, in whole words."""
    attributes = shape.attributes
    rows, columns = attributes["kernel"]
    reach = (shape.output.width - 1) * attributes["stride"][1] + (columns - 1) * attributes[
        "dilation"
    ][1]
    return 8 * ((reach + 1) * words_for(rows * shape.depth) + 1)


def _is_narrow(shape: Shape) -> bool:
    """Whether kernels without a popcount cut the input into planes of four channels."""
    in_bit_planes = shape.is_depthwise and shape.taps < 255
    if in_bit_planes or shape.taps * shape.depth > _MOST_SHUFFLE_TERMS:
        return False
    if shape.groups > 1:
        return bool(shape.depth % WORD or shape.channels // shape.groups % WORD)
    return min(shape.depth, shape.channels) <= _NARROW


def _window(shape: Shape) -> int:
    """The nibbles of a window, in threes."""
    return rounded_up(shape.taps * -(-shape.depth // 4), 3)


def _look_ups(shape: Shape) -> int:
    """The tables of kernels that cut the input into planes, and the place of each nibble."""
    if not _is_narrow(shape):
        return 0
    channels = shape.groups * rounded_up(shape.channels // shape.groups, 8)
    phases = math.prod(map(min, shape.attributes["kernel"], shape.attributes["stride"]))
    return 8 * _window(shape) * (channels + 1) + 16 * phases


def _planes(shape: Shape) -> int:
    """A byte for each position and four channels of a strip, and its counts."""
    if not _is_narrow(shape):
        return 0
    (rows, columns), (down, right) = shape.attributes["kernel"], shape.attributes["stride"]
    dilation = shape.attributes["dilation"]
    pitch = shape.output.width + (columns - 1) * dilation[1] // right
    strip = _strip_rows(shape, _PLANE_STRIP, pitch)
    plane = (strip + (rows - 1) * dilation[0] // down) * pitch
    planes = min(rows, down) * min(columns, right) * shape.groups * -(-shape.depth // 4)
    return planes * plane + 128 + 128 * rounded_up(strip * pitch, 64)


def _streams(shape: Shape) -> int:
    """The input of a strip, as 16 table offsets for each word, and its counts."""
    rows = _strip_rows(shape, _STREAM_STRIP, shape.output.width)
    reach = [
        (positions - 1) * stride + (kernel - 1) * dilation + 1
        for positions, stride, kernel, dilation in zip(
            (rows, shape.output.width),
            shape.attributes["stride"],
            shape.attributes["kernel"],
            shape.attributes["dilation"],
            strict=True,
        )
    ]
    pairs = rows * -(-shape.output.width // 2) + 1
    return 32 * reach[0] * reach[1] * words_for(shape.source.channels) + pairs * (256 + 16)
