"""A PReLU that can be moved, per channel."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from signbit.layers.r_sign import per_channel


class RPReLU(nn.Module):
    """ReActNet's PReLU: a shift before it, a slope, a shift after it, each per channel.

    y = (x - gamma) + zeta where x > gamma, else slope * (x - gamma) + zeta, rounded after each
    operation.  Packed, it does the same operations, or is part of a threshold where only a sign
    reads it and no slope is negative.

    channels: of the input, on axis 1.
    slope: of the negative side at first, that of `torch.nn.PReLU`.

    Shape:  x and y alike, (N, channels, *).
    Raises: UsageError for a wrong number of channels.
    Source: ReActNet, arXiv:2003.03488, equation 2.
    """

    def __init__(self, channels: int, slope: float = 0.25):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(channels))
        self.slope = nn.Parameter(torch.full((channels,), slope))
        self.zeta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Shift, bend, shift."""
        gamma, zeta = (
            per_channel(type(self).__name__, values, x).to(x.dtype)
            for values in (self.gamma, self.zeta)
        )
        return F.prelu(x - gamma, self.slope.to(x.dtype)) + zeta

    def extra_repr(self) -> str:
        """The number of channels."""
        return str(len(self.gamma))
