"""Packed networks for the tests of what takes them: random weights, and batch norms as hostile as
training may leave them."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from signbit.format import PackedModel, Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.models import create
from signbit.pack import pack

NAMES = ("digits", "mlp", "vgg", "vgg_cut", "paddings", "shortcut", "real_ends")


@cache
def packed(name: str) -> PackedModel:
    """One of NAMES, or `narrow_digits`; the same each time.

    digits: `digits_binary`, 8x8 grey, all integers but for the last batch norm.
    mlp: two hidden linear layers of 130 and 70 on 8x8 grey.
    vgg: `vgg_cifar10_binary` at an eighth of its width.
    vgg_cut: its first convolutions and pooling on 12x10 RGB, and a linear layer.
    paddings: strides, dilation, groups, padding by -1, 0 and +1, odd numbers of channels.
    shortcut: residual blocks that add real numbers, PReLU, a concatenation, average pooling.
    real_ends: first and last layer with real weights, preprocessing that differs by channel.
    narrow_digits: `digits_binary` with a quarter of its channels, for tools that take long.
    """
    generator = torch.random.get_rng_state()
    try:
        torch.manual_seed(list(_NETWORKS).index(name))
        model, preprocessing = _NETWORKS[name]()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                _randomize(module)
        return pack(model.eval(), preprocessing)
    finally:
        torch.random.set_rng_state(generator)


def _randomize(norm: Any) -> None:
    norm.running_mean.normal_(0, 4)
    norm.running_var.uniform_(0.5, 60)
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        with torch.no_grad():
            norm.weight[::7] = 0.0


def _exact(channels: int, height: int, width: int) -> Preprocessing:
    return Preprocessing([1 / 128] * channels, [-1.0] * channels, (height, width))


class _Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = BinaryConv2d(3, 24, 3, padding=1, input_quantizer=None)
        self.norms = nn.ModuleList(nn.BatchNorm2d(24) for _ in range(3))
        self.convs = nn.ModuleList(BinaryConv2d(24, 24, 3, padding=1) for _ in range(2))
        self.prelu = nn.PReLU(24)
        self.last = nn.Sequential(BinaryLinear(48, 5), nn.BatchNorm1d(5), nn.LogSoftmax(1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norms[0](self.first(x))
        y = self.prelu(self.norms[1](self.convs[0](x)) + x)
        z = self.norms[2](self.convs[1](y)) + y
        features = nn.functional.adaptive_avg_pool2d(torch.cat([y, z], 1), 1)
        return self.last(features.flatten(1))


def _mlp() -> tuple[nn.Module, Preprocessing]:
    model = create("mlp_binary", input_size=(8, 8), hidden=(130, 70))
    return model, _exact(1, 8, 8)


def _vgg_cut() -> tuple[nn.Module, Preprocessing]:
    model = nn.Sequential(
        BinaryConv2d(3, 16, 3, padding=1, input_quantizer=None),
        nn.BatchNorm2d(16),
        nn.Hardtanh(),
        BinaryConv2d(16, 16, 3, padding=1),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(16),
        nn.Hardtanh(),
        nn.Flatten(),
        BinaryLinear(16 * 6 * 5, 10),
        nn.BatchNorm1d(10, affine=False),
        nn.LogSoftmax(1),
    )
    return model, _exact(3, 12, 10)


def _paddings() -> tuple[nn.Module, Preprocessing]:
    model = nn.Sequential(
        BinaryConv2d(3, 12, 3, padding=2, input_quantizer=None, bias=True),
        nn.BatchNorm2d(12),
        BinaryConv2d(12, 66, (3, 2), stride=2, padding=1, padding_value=-1.0),
        nn.BatchNorm2d(66),
        nn.MaxPool2d(3, 1, 1),
        BinaryConv2d(66, 22, 3, padding=2, dilation=2, groups=2, padding_value=1.0),
        nn.BatchNorm2d(22),
        BinaryConv2d(22, 17, 2, padding=1),
        nn.BatchNorm2d(17),
        nn.Flatten(),
        BinaryLinear(17 * 7 * 6, 4),
        nn.BatchNorm1d(4),
    )
    return model, _exact(3, 9, 7)


def _real_ends() -> tuple[nn.Module, Preprocessing]:
    model = nn.Sequential(
        nn.Conv2d(3, 20, 3, padding=1),
        nn.BatchNorm2d(20),
        BinaryConv2d(20, 20, 3, padding=1),
        nn.BatchNorm2d(20),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(20 * 4 * 4, 6),
        nn.Softmax(1),
    )
    return model, Preprocessing.from_mean_std([0.4, 0.5, 0.6], [0.2, 0.3, 0.25], (8, 8))


_NETWORKS = {
    "digits": lambda: (create("digits_binary"), _exact(1, 8, 8)),
    "mlp": _mlp,
    "vgg": lambda: (create("vgg_cifar10_binary", inflation=0.125), _exact(3, 32, 32)),
    "vgg_cut": _vgg_cut,
    "paddings": _paddings,
    "shortcut": lambda: (_Residual(), _exact(3, 8, 8)),
    "real_ends": _real_ends,
    "narrow_digits": lambda: (create("digits_binary", width=8), _exact(1, 8, 8)),
}
