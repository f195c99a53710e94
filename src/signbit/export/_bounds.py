"""Bounds of the integers of a packed network, and thresholds between integers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import Node, PackedModel
from signbit.format.bits import unpack_bits
from signbit.format.ops.conv import fan_in, largest_pixel
from signbit.format.types import I32, U8, ValueType

# Up to here float32 holds every multiple of a half: all sums, and all thresholds between them.
HALVES_END = 1 << 23


def largest_sums(model: PackedModel) -> list[int]:
    """Bounds of the magnitude of each value of integers, 0 for other values."""
    bounds = [255 if one.kind == U8 else 0 for one in model.inputs]
    for number, node in model.numbered():
        bound = 0
        if model.types[number].kind in (U8, I32):
            is_sum = model.operation(number).is_convolution
            source = model.types[node.inputs[0]]
            bound = largest_sum(node, source) if is_sum else max(bounds[i] for i in node.inputs)
            bound = max(bound, abs(int(node.attributes.get("fill", 0))))
        bounds.append(bound)
    return bounds


def largest_sum(node: Node, source: ValueType) -> int:
    """The largest magnitude of the sums, and partial sums, of a convolution of integers."""
    return fan_in(node.attributes, source) * largest_term(node)


def largest_term(node: Node) -> int:
    """The largest magnitude of one input: 1 for bits, else the largest value of a pixel."""
    if node.op != "conv_u8":
        return 1
    return largest_pixel(node.attributes["multiplier"], node.attributes["offset"])


def split_threshold(
    node: Node, channels: int, bound: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A sign and a cut per channel: the bit of an integer x is 1 where sign * x > cut.

    The cut lies halfway between integers. So it does not matter whether a tool compares with > or
    >=, or whether its sums are wrong by less than a half. A cut that x cannot reach is moved to the
    bound of x: it has the same effect there, and float32 can hold it.
    """
    threshold = node.tensors["threshold"].astype(np.float64)
    sign = below_signs(node, channels)
    return sign, np.clip(sign * threshold + 0.5, -bound - 0.5, bound + 0.5)


def below_signs(node: Node, channels: int) -> NDArray[np.float64]:
    """-1 for the channels whose bit is x < threshold, else +1."""
    return mask_signs(node.tensors["below"], channels)


def mask_signs(mask: NDArray[Any], channels: int) -> NDArray[np.float64]:
    """-1 where a bit of the mask is set, else +1."""
    return np.where(unpack_bits(mask, channels), -1.0, 1.0)
