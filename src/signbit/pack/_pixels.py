"""Codes of 8 bits as integers, where all channels have one scale."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from signbit.format import Input
from signbit.format.ops.conv import largest_pixel
from signbit.format.types import U8

_MULTIPLIERS = (1, 2)
# The format multiplies pixels by no larger number.
_MOST_SCALE = 255
_CLOSE = 1e-6


class PixelCode(NamedTuple):
    """A pixel p is unit * (multiplier * p + offset).

    exact: whether float32 gives exactly that number for each pixel.
    """

    unit: float
    multiplier: int
    offset: int
    exact: bool

    @property
    def largest(self) -> int:
        """The largest magnitude of the integers."""
        return largest_pixel(self.multiplier, self.offset)


@lru_cache
def pixel_code(codes: Input) -> PixelCode | None:
    """The integers for pixels; None where pixels cannot become integers.

    The pixel value that stands for 0 must be a whole number or a half. It is 127.5 for scale
    1/127.5 and bias -1. Otherwise scale and bias must be whole numbers.
    """
    if codes.kind != U8:
        return None
    (scale, *scales), (bias, *biases) = codes.scale, codes.bias
    if scale == 0 or any(one != scale for one in scales) or any(one != bias for one in biases):
        return None
    for multiplier in _MULTIPLIERS:
        exact = bias / scale * multiplier
        if abs(exact) >= 1 << 16:
            return None
        offset = round(exact)
        if abs(exact - offset) <= _CLOSE:
            unit = float(np.float32(scale / multiplier))
            exactly = _is_exact(codes, unit, multiplier, offset)
            return PixelCode(unit, multiplier, offset, exactly)
    is_whole = scale == int(scale) and bias == int(bias)
    if is_whole and 1 <= scale <= _MOST_SCALE and abs(bias) < 1 << 16:
        return PixelCode(1.0, int(scale), int(bias), True)
    return None


def _is_exact(codes: Input, unit: float, multiplier: int, offset: int) -> bool:
    pixels = np.arange(256, dtype=np.float32)
    real = pixels * np.float32(codes.scale[0]) + np.float32(codes.bias[0])
    power_of_two = np.frexp(unit)[0] == 0.5
    return bool(
        power_of_two and np.array_equal(real, np.float32(unit) * (multiplier * pixels + offset))
    )
