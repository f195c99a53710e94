"""The chain of affine nodes before the scores, in fixed point, rounded as float32 rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from signbit.format import Node

_SIGNIFICANT = 24  # bits of a float32
_EXACT = 2**_SIGNIFICANT  # whole numbers up to here are float32 numbers
_OVERFLOW = 2**127  # float32 holds a little less than twice as much
_MAX_BITS = 256
_MAX_FRACTION = 149  # the fraction of the smallest float32 number: more bits would be rounded


class CannotExpressError(Exception):
    """The scores have no form in fixed point; the message says why."""


@dataclass(frozen=True)
class Affine:
    """y = (x * scale << shift) + bias in whole numbers, then rounded to 24 significant bits.

    fraction: y stands for y / 2**fraction.
    limit: y is within +-limit, before and after the rounding.
    """

    scale: Sequence[int]
    bias: Sequence[int]
    shift: int
    fraction: int
    limit: int

    @property
    def scale_bits(self) -> int:
        """The number of bits of the scales, with sign."""
        return max(map(abs, self.scale)).bit_length() + 1

    @property
    def bits(self) -> int:
        """The number of bits of y, with sign."""
        return self.limit.bit_length() + 1

    def apply(self, x: int, channel: int) -> int:
        """The y of one class for x."""
        return rounded((x * self.scale[channel] << self.shift) + self.bias[channel])


def rounded(value: int) -> int:
    """Round to 24 significant bits, to the nearest number; ties go to the even one."""
    magnitude = abs(value)
    dropped = max(magnitude.bit_length() - _SIGNIFICANT, 0)
    if dropped:
        odd = magnitude >> dropped & 1
        magnitude = (magnitude + (1 << (dropped - 1)) - 1 + odd) >> dropped << dropped
    return magnitude if value >= 0 else -magnitude


def fixed_point(nodes: Sequence[Node], limit: int) -> list[Affine]:
    """Affine nodes, one after the other, in fixed point, for sums within +-limit.

    Raises: CannotExpressError where whole numbers cannot reproduce float32.
    """
    if limit > _EXACT:
        raise CannotExpressError(f"sums reach {limit}; float32 holds them exactly up to {_EXACT}")
    affines: list[Affine] = []
    fraction = 0
    for node in nodes:
        affines.append(_convert(node, limit, fraction))
        limit, fraction = affines[-1].limit, affines[-1].fraction
    return affines


def _convert(node: Node, limit: int, fraction: int) -> Affine:
    scale, bias = node.tensors["scale"], node.tensors["bias"]
    if not (np.isfinite(scale).all() and np.isfinite(bias).all()):
        raise CannotExpressError("a scale or a bias is not finite")
    scales, biases = [Fraction(float(s)) for s in scale], [Fraction(float(b)) for b in bias]
    point_scale, point_bias = _point(scales), _point(biases)
    point = max(fraction + point_scale, point_bias)
    highest = max(
        Fraction(limit, 2**fraction) * abs(s) + abs(b) for s, b in zip(scales, biases, strict=True)
    )
    affine = Affine(
        [int(s * 2**point_scale) for s in scales],
        [int(b * 2**point) for b in biases],
        point - fraction - point_scale,
        point,
        # Rounding adds at most half of the last of 24 bits.
        int(highest * 2**point * (1 + Fraction(1, 2 ** (_SIGNIFICANT - 1)))) + 1,
    )
    if highest >= _OVERFLOW:
        raise CannotExpressError("a score may be larger than float32 can hold")
    if affine.bits > _MAX_BITS or point > _MAX_FRACTION:
        raise CannotExpressError(
            f"exact scores need {affine.bits} bits, {point} of them after the point; possible are "
            f"at most {_MAX_BITS}, and {_MAX_FRACTION} after the point"
        )
    return affine


def _point(numbers: Sequence[Fraction]) -> int:
    """The number of bits after the point that all of these numbers need."""
    return max(number.denominator.bit_length() - 1 for number in numbers)
