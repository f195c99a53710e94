"""Sequences: Conv1d, causal padding, layouts with the channels last."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import line, network
from tests.pack.corpus._parts import BConv1d, BLinear, Call, Sign

SOUND = line(2, 40)


class _Sequence(nn.Module):
    """Two binary convolutions over a line; `middle` stands before the second, `end` makes rows."""

    def __init__(self, middle, end, features: int, kernel: int = 3, dilation: int = 1):
        super().__init__()
        self.conv1, self.bn1 = BConv1d(2, 16, 3, padding=1, bias=False), nn.BatchNorm1d(16)
        self.middle, self.sign, self.end = middle, Sign(), end
        self.conv2 = BConv1d(16, 24, kernel, dilation=dilation)
        self.bn2 = nn.BatchNorm1d(24)
        self.fc = nn.Linear(features, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.middle(self.bn1(self.conv1(x))))
        return self.fc(self.end(self.bn2(self.conv2(x))))


@network(SOUND)
def mean_over_time() -> nn.Module:
    return _Sequence(nn.Hardtanh(), lambda x: x.mean(2), 24)


@network(SOUND)
def mean_over_the_last_axis() -> nn.Module:
    return _Sequence(nn.MaxPool1d(2), lambda x: torch.mean(x, dim=-1), 24)


@network(SOUND)
def adaptive_average() -> nn.Module:
    return _Sequence(nn.ReLU(), lambda x: F.adaptive_avg_pool1d(x, 1).squeeze(2), 24)


@network(SOUND)
def causal_by_function() -> nn.Module:
    return _Sequence(lambda x: F.pad(x, (4, 0)), lambda x: x[:, :, -1], 24, dilation=2)


@network(SOUND)
def causal_by_module() -> nn.Module:
    return _Sequence(nn.ConstantPad1d((2, 0), 0.0), lambda x: x[..., -1], 24)


class _Chomp(nn.Module):
    """TCN: padded on both sides, the end is cut off."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : -self.size].contiguous()


@network(SOUND, integers=True)
def temporal_convolution_with_chomp() -> nn.Module:
    return nn.Sequential(
        BConv1d(2, 16, 3, padding=2, dilation=1),
        _Chomp(2),
        nn.BatchNorm1d(16),
        Sign(),
        BConv1d(16, 24, 3, padding=4, dilation=2),
        _Chomp(4),
        nn.BatchNorm1d(24),
        nn.MaxPool1d(4),
        Sign(),
        nn.Flatten(),
        BLinear(240, 5),
    )


class _LastAxisIsChannels(nn.Module):
    """(N, L, C) inside, as code from natural language has it."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.sign = BConv1d(2, 16, 5, stride=5), nn.BatchNorm1d(16), Sign()
        self.fc1, self.norm, self.fc2 = BLinear(16, 32), nn.BatchNorm1d(32), BLinear(256, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn(self.conv(x))).transpose(1, 2)
        x = self.fc1(x)
        x = self.sign(self.norm(x.transpose(1, 2)))
        return self.fc2(x.transpose(1, 2).reshape(x.size(0), -1))


@network(SOUND, integers=True)
def linear_layer_at_each_step() -> nn.Module:
    return _LastAxisIsChannels()


class _InputTransposed(nn.Module):
    """The module is called with (N, C, L), and thinks in (N, L, C)."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.sign = BConv1d(2, 16, 4, 4), nn.BatchNorm1d(16), Sign()
        self.fc = BLinear(160, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 1)
        x = x - 0.25
        x = self.sign(self.bn(self.conv(x.permute(0, 2, 1))))
        return self.fc(x.permute(0, 2, 1).flatten(1))


@network(SOUND, integers=True)
def transposed_twice() -> nn.Module:
    return _InputTransposed()


class _ResidualTcn(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv1d(2, 16, 1)
        self.convs = nn.ModuleList(BConv1d(16, 16, 3, dilation=2**i) for i in range(3))
        self.norms = nn.ModuleList(nn.BatchNorm1d(16) for _ in range(3))
        self.sign, self.fc = Sign(), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = norm(conv(F.pad(self.sign(x), (2 * 2**i, 0))))
            x = x + F.relu(y)
        return self.fc(x[:, :, -1])


@network(SOUND)
def residual_causal() -> nn.Module:
    return _ResidualTcn()


class _AsImage(nn.Module):
    """A Conv2d on the sequence, unsqueezed: it still takes (N, C, L), for its Conv1d."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.sign = BConv1d(2, 8, 3), nn.BatchNorm1d(8), Sign()
        self.conv2, self.bn2 = nn.Conv2d(1, 6, (8, 3)), nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.conv1(x))).unsqueeze(1)
        return self.fc(self.bn2(self.conv2(x)).squeeze(2).mean(2))


@network(SOUND)
def sequence_as_a_map() -> nn.Module:
    return _AsImage()


@network(SOUND)
def statistics_pooling() -> nn.Module:
    """Mean and deviation over time, of x-vectors."""
    return _Sequence(
        nn.Identity(), lambda x: torch.cat([x.mean(2), x.var(2, unbiased=False)], 1), 48
    )


@network(SOUND)
def flattened_sequence() -> nn.Module:
    return nn.Sequential(
        BConv1d(2, 16, 7, stride=3, padding=3),
        nn.BatchNorm1d(16),
        nn.AvgPool1d(2),
        Call(lambda x: torch.where(x > 0, 1.0, -1.0)),
        nn.Flatten(),
        BLinear(112, 5),
    )


@network(SOUND, refused=r"GRU|recurrent|loop|rnn|gru|cannot be packed")
def recurrent() -> nn.Module:
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gru, self.fc = BConv1d(2, 8, 3), nn.GRU(8, 8), nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.gru(self.conv(x).permute(2, 0, 1))
            return self.fc(out[-1])

    return Net()
