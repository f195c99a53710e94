"""A PReLU with learned shifts for each channel."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from signbit.layers.r_sign import per_channel


class RPReLU(nn.Module):
    """ReActNet's PReLU: a learned shift before it, a learned slope, a learned shift after it.

    y = (x - gamma) + zeta where x > gamma, else slope * (x - gamma) + zeta.
    Each operation rounds once. gamma, slope and zeta have one number for each channel.

    A packed network does the same operations. If only a sign reads the result and no slope is
    negative, they become part of a threshold.

    channels: the number of channels of the input, on axis 1.
    slope: the first slope of the negative side; the default is that of `torch.nn.PReLU`.

    Shape:  x and y are (N, channels, *).
    Raises: UsageError for a wrong number of channels.
    Source: ReActNet, arXiv:2003.03488, equation 2.
    """

    def __init__(self, channels: int, slope: float = 0.25):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels))
        self.slope = nn.Parameter(torch.full((channels,), slope))
        self.zeta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Subtract gamma, apply the slope to the negative side, add zeta."""
        gamma, zeta = (
            per_channel(type(self).__name__, values, x).to(x.dtype)
            for values in (self.gamma, self.zeta)
        )
        return F.prelu(x - gamma, self.slope.to(x.dtype)) + zeta

    def extra_repr(self) -> str:
        """The number of channels."""
        return str(len(self.gamma))
