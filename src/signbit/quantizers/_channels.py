"""Statistics of a weight for each output channel, in float32 or better."""

import torch
from torch import Tensor

# Added to the variance, so that a channel of equal weights has a finite gradient.
_EPSILON = 1e-5


def widened(x: Tensor) -> Tensor:
    """`x` in float32; float64 stays float64. Sums of many numbers in half precision lose digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def channel_mean(x: Tensor) -> Tensor:
    """The mean of each output channel (axis 0); the other axes keep size 1.

    A tensor of rank 0 or 1 is one channel.
    """
    return x.mean(tuple(range(1 if x.ndim > 1 else 0, x.ndim)), keepdim=True)


def centre_and_deviation(x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the standard deviation of each output channel, shaped as in `channel_mean`."""
    mean = channel_mean(x)
    return mean, (channel_mean((x - mean).square()) + _EPSILON).sqrt()


def mean_magnitude(x: Tensor) -> Tensor:
    """The mean of |x| of each output channel: with this scale, the signs are nearest to x.

    Source: XNOR-Net, arXiv:1603.05279, section 3.1.
    """
    return channel_mean(widened(x).abs())
