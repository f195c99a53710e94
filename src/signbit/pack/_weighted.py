"""Layers with weights. They are bits where weights and input have two values each."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from signbit.format.bits import words_for
from signbit.pack._draft import Conv, Step
from signbit.pack._nodes import affine
from signbit.pack._pointwise import function
from signbit.pack._rule import RuleCall

# Weights whose magnitudes differ by at most this have the same magnitude: rounding explains it.
CLOSE = 1e-6
# Weights that are looked at together, in 1 MiB.
_AT_ONCE = 1 << 18


class Window(NamedTuple):
    """How a kernel moves over a map.  padding: top, left, bottom, right."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


def weighted(c: RuleCall, source: Step, weight: Tensor, window: Window, fill: float = 0.0) -> Step:
    """A convolution without bias: bits where weights and input have two values each.

    fill: the value of padded taps.
    """
    # A sum is finite where all its parts are, except for sums that overflow.
    if not math.isfinite(float(weight.sum())) and not bool(weight.isfinite().all()):
        c.refuse(
            "its weights hold NaN or infinity, as after training that diverged; train it again"
        )
    size = _output_size(source, weight, window)
    scale = one_size(weight)
    if scale is None:
        assert fill == 0
        return Conv(c.place, (source,), size, weight, False, False, *window)
    signs = weight if _are_signs(weight, scale) else weight.sign()
    bits = c.bits(source)
    if bits is not None:
        centre, distance = bits
        padding_value = (fill - centre) / distance if any(window.padding) else 0.0
        if padding_value in (-1.0, 0.0, 1.0):
            exact = _is_exact(scale) and _is_exact(torch.tensor([distance]))
            step = Conv(
                c.place, (source,), size, signs, True, True, *window, int(padding_value), exact
            )
            return rescaled(c, step, scale * distance, centre * scale * signs.sum((1, 2, 3)))
    if fill not in (-1.0, 0.0, 1.0):
        c.refuse(
            f"binary weights on a real input that is padded with {fill:g}; pad with -1, 0 or 1"
        )
    exact = _is_exact(scale)
    step = Conv(c.place, (source,), size, signs, True, False, *window, int(fill), exact)
    return rescaled(c, step, scale, torch.zeros(len(scale)))


def _is_exact(scale: Tensor) -> bool:
    """Whether all scales are powers of two, so that products with them are exact."""
    return bool((torch.frexp(scale).mantissa == 0.5).all())


def one_size(weight: Tensor) -> Tensor | None:
    """(out,), the size that all weights of a channel have; None where they have several."""
    found = []
    for part in _parts(weight):
        sizes = part.abs()
        size, least = sizes.amax((1, 2, 3)), sizes.amin((1, 2, 3))
        if not bool(((size - least <= CLOSE * size) & (size > 0)).all()):
            return None
        found.append(size)
    return torch.cat(found)


def _are_signs(weight: Tensor, scale: Tensor) -> bool:
    """Whether weights of that size are already -1 and +1. Then they need no copy."""
    ones = bool((scale == 1).all())
    return ones and all(bool((part.abs() == 1).all()) for part in _parts(weight))


def _parts(weight: Tensor) -> Sequence[Tensor]:
    """Some output channels at a time: new memory for a large weight costs more than the sums."""
    return weight.split(max(_AT_ONCE // max(math.prod(weight.shape[1:]), 1), 1))


def rescaled(c: RuleCall, step: Step, scale: Tensor, shift: Tensor) -> Step:
    """The real numbers that the sums of signs stand for: scale * sum + shift."""
    if not bool((scale == 1).all()):
        node = affine(scale, torch.zeros_like(scale))
        step = function(c, step, lambda rows: rows * scale, scale, node)
    return step if not bool(shift.any()) else _shifted(c, step, shift)


def with_bias(c: RuleCall, step: Step, bias: Tensor | None) -> Step:
    """step + bias per channel, where there is one."""
    return step if bias is None else _shifted(c, step, bias.float())


def _shifted(c: RuleCall, step: Step, bias: Tensor) -> Step:
    one = torch.ones_like(bias)
    return function(c, step, lambda rows: rows + bias, one, affine(one, bias))


def _output_size(source: Step, weight: Tensor, window: Window) -> tuple[int, int, int]:
    sides = []
    for axis, size in enumerate(source.size[:2]):
        reach = window.dilation[axis] * (weight.shape[2 + axis] - 1) + 1
        padded = size + window.padding[axis] + window.padding[axis + 2]
        sides.append((padded - reach) // window.stride[axis] + 1)
    return sides[0], sides[1], weight.shape[0]


def why_real(weight: Tensor) -> str:
    """Why a layer stays real. Signs of which some are zero get their own reason."""
    zeros = int((weight == 0).sum())
    sizes = weight.abs()
    same = sizes >= sizes.amax((1, 2, 3), keepdim=True) * (1 - CLOSE)
    if zeros and bool(((weight == 0) | same).all()) and bool((weight < 0).any()):
        return f"{zeros:,} of its {weight.numel():,} weights are 0, which is not a sign"
    return "its weights are real"


def wastes_words(source: Step, kernel: tuple[int, int], groups: int, least_saving: int = 1) -> bool:
    """Whether a kernel as large as the map needs fewer words for its weights on a flat map.

    Each tap needs whole words, so a pixel of one channel would have 63 bits of padding.

    least_saving: how many times fewer words it must need.
    """
    rows, columns, channels = source.size
    whole = kernel == (rows, columns) and groups == 1
    flat = words_for(math.prod(source.size)) * least_saving
    return whole and flat < rows * columns * words_for(channels)
