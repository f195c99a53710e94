"""In the manner of Brevitas, whose quantizers are parts of a layer, and of functional code."""

import torch
import torch.nn.functional as F
from torch import nn


class BinaryQuant(nn.Module):
    """Brevitas: +1 at zero, times a scale."""

    def __init__(self, scale, learned=True):
        super().__init__()
        value = torch.tensor(scale)
        if learned:
            self.scaling = nn.Parameter(value)
        else:
            self.register_buffer("scaling", value)

    def forward(self, x):
        ones = torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))
        return x + (ones * self.scaling - x).detach()


class QuantConv2d(nn.Conv2d):
    def __init__(self, *args, scale=0.1, learned=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.input_quant = BinaryQuant(1.0, learned=False)
        self.weight_quant = BinaryQuant(scale, learned=learned)

    def forward(self, x):
        return self._conv_forward(self.input_quant(x), self.weight_quant(self.weight), self.bias)


class QuantLinear(nn.Linear):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.weight_quant = BinaryQuant([[0.25]] * self.out_features)

    def forward(self, x):
        return F.linear(x, self.weight_quant(self.weight), self.bias)


class PadFirst(nn.Module):
    """Pads with `value`, then takes signs, then convolves; other names, weights as (out, in, k)."""

    def __init__(self, c_in, c_out, taps, step=1, rim=1, value=0.0, spread=1, parts=1, zero=1):
        super().__init__()
        self.kern = nn.Parameter(torch.randn(c_out, c_in // parts, *taps))
        self.gain = nn.Parameter(torch.rand(c_out, *[1] * len(taps)) - 0.5)
        self.offset = nn.Parameter(torch.randn(c_out))
        self.how = (step, rim, value, spread, parts, zero)

    def sign(self, x):
        zero = self.how[5]
        return torch.where(x == 0, torch.full_like(x, zero), x.sign())

    def forward(self, x):
        step, rim, value, spread, parts, _ = self.how
        rank = self.kern.dim() - 2
        x = self.sign(F.pad(x, [rim] * (2 * rank), value=value))
        convolve = F.conv1d if rank == 1 else F.conv2d
        y = convolve(x, self.sign(self.kern), None, step, 0, spread, parts)
        return y * self.gain + self.offset.view(-1, *[1] * rank)


class Transposed(nn.Module):
    """A product with a weight of (in, out), its bias binarized, one scale for the layer."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(inputs, outputs))
        self.add = nn.Parameter(torch.randn(outputs))

    def forward(self, x):
        product = x.sign() @ self.matrix.sign() * self.matrix.abs().mean()
        return product + self.add.sign()


class Wrapper(nn.Module):
    """Writes the weight of a plain layer, and puts it back."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(*args, **kwargs)

    def forward(self, x):
        weight = self.conv.weight.data
        self.conv.weight.data = torch.where(weight > 0, 1.0, -1.0).to(weight)
        y = self.conv(torch.where(x > 0, 1.0, -1.0).to(x))
        self.conv.weight.data = weight
        return y


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            QuantConv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            PadFirst(8, 12, (3, 1), step=2, rim=1, value=1.0),
            nn.BatchNorm2d(12),
            Wrapper(12, 8, 2, stride=1, bias=True),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.LazyLinear(16), Transposed(16, 12), QuantLinear(12, 10))

    def forward(self, x):
        return self.head(self.body(x))
