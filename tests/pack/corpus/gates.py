"""Blocks that multiply a map by a gate computed from it, as the papers' repositories have them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import RGB, network
from tests.pack.corpus._parts import BConv2d, Sign


class _SqueezeExcite(nn.Module):
    """gate: the spelling of the last function."""

    def __init__(self, channels: int, gate: nn.Module):
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, 4, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(4, channels, bias=False),
            gate,
        )

    def forward(self, x: Tensor) -> Tensor:
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)


class _Gated(nn.Module):
    def __init__(self, gate: nn.Module):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = BConv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.sign, self.gate, self.fc = Sign(), gate, nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))
        x = self.gate(self.bn2(self.conv2(self.sign(x)))) + x
        return self.fc(x.mean((2, 3)))


@network(RGB)
def squeeze_and_excite() -> nn.Module:
    return _Gated(_SqueezeExcite(16, nn.Sigmoid()))


@network(RGB)
def squeeze_and_excite_hard() -> nn.Module:
    return _Gated(_SqueezeExcite(16, nn.Hardsigmoid()))


class _SpatialGate(nn.Module):
    """CBAM: maximum and mean over the channels, a convolution, a sigmoid."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        maximum, _ = torch.max(x, dim=1, keepdim=True)
        mean = torch.mean(x, dim=1, keepdim=True)
        return x * torch.sigmoid(self.conv(torch.cat([mean, maximum], dim=1)))


@network(RGB)
def spatial_attention() -> nn.Module:
    return _Gated(_SpatialGate())


class _EfficientChannelGate(nn.Module):
    """ECA: a Conv1d along the channels' means. The network's input is still of images."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.conv(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * y.sigmoid().expand_as(x)


@network(RGB)
def efficient_channel_attention() -> nn.Module:
    return _Gated(_EfficientChannelGate())
