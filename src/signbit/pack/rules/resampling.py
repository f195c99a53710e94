"""Interpolation: maps of another size."""

import torch

from signbit.pack._layout import Placed
from signbit.pack._resample import resampled
from signbit.pack._rule import RuleCall
from signbit.pack.rules import rules


@rules.register("upsample_bilinear2d")
def upsample_bilinear(c: RuleCall) -> Placed:
    """A weighted mean of the four nearest numbers."""
    return _resampled(c, torch.ops.aten.upsample_bilinear2d)


@rules.register("upsample_bicubic2d")
def upsample_bicubic(c: RuleCall) -> Placed:
    """A weighted mean of the sixteen nearest numbers."""
    return _resampled(c, torch.ops.aten.upsample_bicubic2d)


@rules.register("upsample_linear1d")
def upsample_linear(c: RuleCall) -> Placed:
    """A weighted mean of the two nearest numbers."""
    aligned = bool(c["align_corners"])
    channels, length = c.image_shape

    def operator(x: torch.Tensor, size: list[int]) -> torch.Tensor:
        return torch.ops.aten.upsample_linear1d(x[..., 0], size[:1], aligned)[..., None]

    return c.usual(resampled(c, c.map("self"), operator, (1, length, channels)))


def _resampled(c: RuleCall, operator: object) -> Placed:
    channels, height, width = c.image_shape
    aligned = bool(c["align_corners"])
    given = [c.call.arguments.get(name) for name in ("scales_h", "scales_w")]
    if given[0] != given[1]:
        c.refuse("different factors for rows and columns; give size=, or one scale_factor")

    def ask(x: torch.Tensor, size: list[int]) -> torch.Tensor:
        return operator(x, size, aligned, given[0], None)  # pyright: ignore

    return c.usual(resampled(c, c.map("self"), ask, (height, width, channels)))
