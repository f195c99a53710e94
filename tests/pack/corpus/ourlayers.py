"""signbit's own layers and quantizers, used as nobody foresaw."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryConv3d, BinaryLinear, RPReLU, RSign
from signbit.quantizers import AbstractQuantizer
from tests.pack.corpus._case import GREY, IMAGENET, RGB, line, network


def _network(quantizer: AbstractQuantizer | None = None, middle: nn.Module | None = None):
    """A custom quantizer on two inputs, or something between two of our layers."""
    chosen = "ste_sign" if quantizer is None else quantizer
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, padding=1, input_quantizer=None),
        nn.BatchNorm2d(16),
        nn.Identity() if middle is None else middle,
        BinaryConv2d(16, 24, 3, stride=2, input_quantizer=chosen),
        nn.BatchNorm2d(24),
        nn.Flatten(),
        BinaryLinear(600, 5, input_quantizer=chosen),
    )


class AtLevel(AbstractQuantizer):
    """+1 above 0.3."""

    def forward(self, x: Tensor) -> Tensor:
        return (x > 0.3).to(x.dtype) * 2 - 1


class Falling(AbstractQuantizer):
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x <= 0, 1.0, -1.0).to(x.dtype)


class ZeroOne(AbstractQuantizer):
    def forward(self, x: Tensor) -> Tensor:
        return (x > 0).to(x.dtype)


class ZeroIsPlus(AbstractQuantizer):
    """The rule of Larq, Brevitas and most papers' code."""

    def forward(self, x: Tensor) -> Tensor:
        return (x >= 0).to(x.dtype) * 2 - 1


class LearnedThreshold(AbstractQuantizer):
    def __init__(self):
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(0.25))

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > self.threshold, 1.0, -1.0)


class OtherLevels(AbstractQuantizer):
    """Two values that are neither -1 and +1 nor 0 and 1."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, 0.75, -0.25)


class Window(AbstractQuantizer):
    """+1 inside of an interval: two values, two thresholds."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x.abs() < 0.5, 1.0, -1.0)


class ThreeValues(AbstractQuantizer):
    """Says `binary` of itself, and is torch.sign."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sign()


@network(RGB, integers=True)
def quantizer_at_a_level() -> nn.Module:
    return _network(AtLevel())


@network(RGB, integers=True)
def quantizer_that_falls() -> nn.Module:
    return _network(Falling())


@network(RGB, integers=True)
def quantizer_of_zero_and_one() -> nn.Module:
    return _network(ZeroOne())


@network(RGB, integers=True)
def quantizer_with_plus_at_zero() -> nn.Module:
    """After a function that makes many zeros."""
    return _network(ZeroIsPlus(), nn.Hardshrink(0.5))


@network(RGB, integers=True)
def quantizer_with_a_learned_threshold() -> nn.Module:
    return _network(LearnedThreshold())


@network(RGB, integers=True)
def quantizer_of_other_levels() -> nn.Module:
    return _network(OtherLevels())


@network(RGB, integers=True, may_refuse=r"monoton|interval|twice|more than one|Window")
def quantizer_of_an_interval() -> nn.Module:
    return _network(Window())


@network(RGB)
def quantizer_of_three_values() -> nn.Module:
    return _network(ThreeValues(), nn.ReLU())


@network(RGB, integers=True)
def quantizer_of_weights() -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, input_quantizer=None, weight_quantizer=ZeroIsPlus()),
        nn.BatchNorm2d(16),
        BinaryConv2d(16, 8, 3, weight_quantizer=Falling(), stride=3),
        nn.Flatten(),
        BinaryLinear(72, 5, weight_quantizer=ZeroOne()),
    )


class _Tempered(BinaryLinear):
    """Overrides forward; a little is enough to be wrong."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * 1.008


@network(RGB, integers=True)
def overridden_forward() -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, input_quantizer=None),
        nn.BatchNorm2d(16),
        nn.Flatten(),
        _Tempered(1600, 5, bias=False),
    )


class _Shifted(BinaryConv2d):
    """Overrides quantized_input."""

    def quantized_input(self, x: Tensor) -> Tensor:
        return super().quantized_input(x - 0.5)


@network(RGB, integers=True)
def overridden_quantized_input() -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, input_quantizer=None),
        nn.BatchNorm2d(16),
        _Shifted(16, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.Flatten(),
        BinaryLinear(128, 5),
    )


class _CalledTwice(nn.Module):
    """A layer that is called on two values, and its weights once more by a function."""

    def __init__(self):
        super().__init__()
        self.conv1 = BinaryConv2d(3, 16, 3, padding=1, input_quantizer=None)
        self.bn1, self.bn2 = nn.BatchNorm2d(16), nn.BatchNorm2d(16)
        self.conv2 = BinaryConv2d(16, 16, 3, padding=1)
        self.fc = BinaryLinear(576, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))
        a, b = self.conv2(x), self.conv2(-x)
        bits = torch.where(x > 0.25, 1.0, -1.0)
        c = F.conv2d(bits, self.conv2.quantized_weight(), padding=1)
        return self.fc(F.max_pool2d(self.bn2(a - 2 * b + c), 2).flatten(1))


@network(RGB, integers=True)
def layer_called_twice() -> nn.Module:
    return _CalledTwice()


class _QuantizerAlone(nn.Module):
    """Our quantizer called as a module, before pooling, and a real layer of ours after."""

    def __init__(self):
        super().__init__()
        self.conv1 = BinaryConv2d(3, 16, 3, input_quantizer=None)
        self.bn1, self.sign = nn.BatchNorm2d(16), ZeroIsPlus()
        self.conv2 = BinaryConv2d(16, 20, 3, input_quantizer=None)
        self.fc = BinaryLinear(180, 5, input_quantizer=None, weight_quantizer=None)
        self.bn2 = nn.BatchNorm2d(20)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.sign(self.bn1(self.conv1(x))), 2)
        return self.fc(self.sign(self.bn2(self.conv2(x))).flatten(1))


@network(RGB)
def quantizer_then_pooling_then_layer() -> nn.Module:
    return _QuantizerAlone()


@network(IMAGENET)
def react_net_parts() -> nn.Module:
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.sign, self.relu = RSign(16), RPReLU(16)
            self.conv = BinaryConv2d(16, 16, 3, padding=1, bias=False, input_quantizer=None)
            self.bn = nn.BatchNorm2d(16)

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.bn(self.conv(self.sign(x))) + x)

    stem = [nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)]
    return nn.Sequential(*stem, Block(), Block(), *head)


@network(RGB, integers=True)
def paddings_of_one_and_minus_one() -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, padding=1, input_quantizer=None),
        nn.BatchNorm2d(16),
        BinaryConv2d(16, 16, 3, padding=1, padding_value=1.0),
        nn.BatchNorm2d(16),
        BinaryConv2d(16, 16, 5, padding=2, padding_value=-1.0, stride=2, groups=4),
        nn.BatchNorm2d(16),
        nn.Flatten(),
        BinaryLinear(576, 5),
    )


@network(RGB, integers=True)
def padding_modes() -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, padding=2, padding_mode="replicate", input_quantizer=None),
        nn.BatchNorm2d(16),
        BinaryConv2d(16, 16, 3, padding=1, padding_mode="circular", stride=2),
        nn.BatchNorm2d(16),
        nn.Flatten(),
        BinaryLinear(784, 5),
    )


@network(RGB, integers=True)
def learned_scales() -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, input_quantizer=None, learned_scale=True),
        nn.ReLU(),
        nn.BatchNorm2d(16),
        BinaryConv2d(16, 16, 3, learned_scale=True, stride=3),
        nn.Hardtanh(),
        nn.Flatten(),
        BinaryLinear(144, 5, learned_scale=True),
    )


@network(RGB, integers=True)
def scaled_weight_quantizers() -> nn.Module:
    return nn.Sequential(
        BinaryConv2d(3, 16, 3, input_quantizer=None, weight_quantizer="xnor_sign"),
        nn.BatchNorm2d(16),
        BinaryConv2d(16, 16, 3, weight_quantizer="standardized_sign", stride=3),
        nn.BatchNorm2d(16),
        nn.Flatten(),
        BinaryLinear(144, 5, weight_quantizer="dorefa_sign"),
    )


@network(RGB, refused=r"random|stochastic")
def stochastic_dropout_before_a_sign() -> nn.Module:
    class Always(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.dropout(x, 0.5, training=True)

    return _network(middle=Always())


class _OneDeep(nn.Module):
    """BinaryConv3d on a map of depth 3."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = BinaryConv3d(1, 8, (3, 3, 3), input_quantizer=None), nn.BatchNorm3d(8)
        self.fc = BinaryLinear(800, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.bn(self.conv(x.unsqueeze(1))).flatten(1))


@network(RGB, integers=True, may_refuse=r"3d|rank|dimension|depth|shape")
def convolution_in_three_dimensions() -> nn.Module:
    return _OneDeep()


@network(line(2, 40), integers=True)
def sequence() -> nn.Module:
    return nn.Sequential(
        BinaryConv1d(2, 16, 3, padding=1, input_quantizer=None),
        nn.BatchNorm1d(16),
        BinaryConv1d(16, 16, 3, padding=2, dilation=2, padding_value=-1.0),
        nn.MaxPool1d(2),
        nn.BatchNorm1d(16),
        nn.Flatten(),
        BinaryLinear(320, 5),
    )


@network(GREY, integers=True)
def pixels_with_the_default_quantizer() -> nn.Module:
    """Forgot input_quantizer=None: the pixels themselves become bits."""
    return nn.Sequential(
        nn.Flatten(), BinaryLinear(64, 40), nn.BatchNorm1d(40), BinaryLinear(40, 5)
    )
