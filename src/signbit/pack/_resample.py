"""Linear resampling along rows and columns, as a matrix for each axis."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from signbit.pack._draft import Conv, Step
from signbit.pack._layout import Placed, as_map
from signbit.pack._rule import RuleCall

Resample = Callable[..., Tensor]


def resampled(c: RuleCall, source: Step, operator: Resample, size: Any, *more: Any) -> Step:
    """The operator as a product with a matrix for each axis. The operator is run to find them.

    size: height, width and channels of the result.
    operator: accepts (N, C, H, W), a size, and `more`. It must treat rows and columns separately.
    """
    for axis in (0, 1):
        side, wanted = source.size[axis], size[axis]
        if side == wanted == 1:
            continue
        ones = torch.eye(side).reshape(side, 1, side, 1)
        matrix = operator(ones, [wanted, 1], *more).reshape(side, wanted)
        source = _along(c, source, matrix.T, axis)
    return source


def _along(c: RuleCall, source: Step, matrix: Tensor, axis: int) -> Step:
    """Multiply along one axis. Its rows or columns become channels for the product."""
    height, width, channels = source.size
    places = torch.arange(source.elements).reshape(height, width, channels)
    # Torch's shape of what is needed: (side, others, channels).
    turned = places if axis == 0 else places.transpose(0, 1)
    side, others, _ = turned.shape
    as_channels = as_map(Placed(source, (side, others, channels), turned.contiguous()), c.place)
    new = len(matrix)
    mixed = Conv(c.place, (as_channels,), (others, channels, new), matrix[:, :, None, None], False)
    back = torch.arange(new * others * channels).reshape(others, channels, new)
    order = (1, 2, 0) if axis == 0 else (1, 0, 2)
    # Torch's shape of the result: (channels, height, width).
    shape = (channels, new, others) if axis == 0 else (channels, others, new)
    return as_map(Placed(mixed, shape, back.permute(*order).contiguous()), c.place)
