"""Blocks with shortcuts and branches, as the papers' repositories have them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import IMAGENET, RGB, network
from tests.pack.corpus._parts import BConv1d, BConv2d, Call, Sign


class _LambdaLayer(nn.Module):
    def __init__(self, lambd):
        super().__init__()
        self.lambd = lambd

    def forward(self, x: Tensor) -> Tensor:
        return self.lambd(x)


class _BasicBlock(nn.Module):
    """resnet_cifar10's block with binary convolutions; option "A", "B" or average pooling."""

    def __init__(self, inputs: int, planes: int, stride: int, option: str):
        super().__init__()
        self.sign1, self.sign2 = Sign(), Sign()
        self.conv1 = BConv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = BConv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride == 1 and inputs == planes:
            return
        if option == "A":
            extra = planes // 4
            self.shortcut = _LambdaLayer(
                lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, extra, extra), "constant", 0)
            )
        elif option == "B":
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )
        else:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(2, stride), nn.Conv2d(inputs, planes, 1), nn.BatchNorm2d(planes)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = F.hardtanh(self.bn1(self.conv1(self.sign1(x))), inplace=True)
        out = self.bn2(self.conv2(self.sign2(out)))
        out += self.shortcut(x)
        return F.hardtanh(out)


class _ResNet(nn.Module):
    def __init__(self, option: str):
        super().__init__()
        self.conv1, self.bn1 = BConv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = self._make_layer(16, 16, 1, option)
        self.layer2 = self._make_layer(16, 32, 2, option)
        self.linear = nn.Linear(32, 5)

    def _make_layer(self, inputs: int, planes: int, stride: int, option: str) -> nn.Sequential:
        blocks = [_BasicBlock(inputs, planes, stride, option)]
        blocks.append(_BasicBlock(planes, planes, 1, option))
        return nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer2(self.layer1(out))
        out = F.avg_pool2d(out, out.size()[3])
        return self.linear(out.view(out.size(0), -1))


@network(RGB)
def resnet_option_a() -> nn.Module:
    return _ResNet("A")


@network(RGB)
def resnet_option_b() -> nn.Module:
    return _ResNet("B")


@network(RGB)
def resnet_with_average_shortcut() -> nn.Module:
    return _ResNet("average")


class _ZeroShortcut(_ResNet):
    """The channels that a shortcut lacks are zeros_like what it has."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer1(self.bn1(self.conv1(x)))
        small = F.avg_pool2d(x, 2)
        x = self.layer2(x) + torch.cat([small, torch.zeros_like(small)], dim=1)
        return self.linear(x.mean(-1).mean(-1))


@network(RGB)
def shortcut_of_zeros_like() -> nn.Module:
    return _ZeroShortcut("B")


class _DenseLayer(nn.Module):
    """BinaryDenseNet: norm, sign, convolution; the result is joined to the input."""

    def __init__(self, inputs: int, growth: int):
        super().__init__()
        self.bn, self.sign = nn.BatchNorm2d(inputs), Sign()
        self.conv = BConv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.sign(self.bn(x)))], dim=1)


@network(RGB)
def dense_net() -> nn.Module:
    return nn.Sequential(
        BConv2d(3, 16, 3, padding=1, bias=False),
        *(_DenseLayer(16 + 8 * i, 8) for i in range(4)),
        nn.BatchNorm2d(48),
        nn.MaxPool2d(2, 2),
        nn.ReLU(inplace=True),
        nn.Conv2d(48, 24, 1, bias=False),
        _DenseLayer(24, 8),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(32, 5),
    )


class _Inception(nn.Module):
    """Four branches of one value, joined; their signs are taken after."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(BConv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), Sign())
        self.b1 = BConv2d(16, 6, 1)
        self.b3 = nn.Sequential(
            BConv2d(16, 8, 1), nn.BatchNorm2d(8), Sign(), BConv2d(8, 9, 3, 1, 1)
        )
        self.b5 = BConv2d(16, 5, 5, padding=2)
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), BConv2d(16, 4, 1))
        self.bn, self.sign = nn.BatchNorm2d(24), Sign()
        self.last = BConv2d(24, 5, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = torch.cat([branch(x) for branch in (self.b1, self.b3, self.b5, self.pool)], 1)
        return self.last(self.sign(self.bn(x))).flatten(1)


@network(RGB, integers=True)
def inception() -> nn.Module:
    return _Inception()


class _LearnableBias(nn.Module):
    """ReActNet's, of shape (1, C, 1, 1), expanded as the value."""

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(1, channels, 1, 1) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.expand_as(x)


class _ReActBlock(nn.Module):
    def __init__(self, inputs: int, planes: int, stride: int):
        super().__init__()
        self.move11, self.sign = _LearnableBias(inputs), Sign()
        self.conv, self.bn1 = (
            BConv2d(inputs, inputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(inputs),
        )
        self.move12, self.prelu1 = _LearnableBias(inputs), nn.PReLU(inputs)
        self.move13, self.move21 = _LearnableBias(inputs), _LearnableBias(inputs)
        self.pointwise = nn.ModuleList(
            BConv2d(inputs, inputs, 1, bias=False) for _ in range(planes // inputs)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(inputs) for _ in range(planes // inputs))
        self.move22, self.prelu2 = _LearnableBias(planes), nn.PReLU(planes)
        self.move23 = _LearnableBias(planes)
        self.pooling, self.stride = nn.AvgPool2d(2, 2), stride

    def forward(self, x: Tensor) -> Tensor:
        out1 = self.bn1(self.conv(self.sign(self.move11(x))))
        if self.stride == 2:
            x = self.pooling(x)
        out1 = self.move13(self.prelu1(self.move12(x + out1)))
        bits = self.sign(self.move21(out1))
        parts = zip(self.pointwise, self.norms, strict=True)
        out2 = torch.cat([norm(conv(bits)) + out1 for conv, norm in parts], dim=1)
        return self.move23(self.prelu2(self.move22(out2)))


@network(IMAGENET)
def react_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        _ReActBlock(8, 16, 1),
        _ReActBlock(16, 16, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    )


class _BiRealNet(nn.Module):
    """One shortcut around each convolution; the real 1x1 on the way down."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16))
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.sign = Sign()
        self.conv1, self.bn1 = BConv2d(16, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = BConv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32)
        self.downsample = nn.Sequential(
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Conv2d(16, 32, kernel_size=1, stride=1, bias=False),
            nn.BatchNorm2d(32),
        )
        self.fc = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.stem(x))
        out = self.bn1(self.conv1(self.sign(x)))
        out += x
        residual = out
        if self.downsample is not None:
            residual = self.downsample(out)
        out = self.bn2(self.conv2(self.sign(out)))
        out += residual
        return self.fc(F.adaptive_avg_pool2d(out, 1).view(out.size(0), -1))


@network(IMAGENET)
def bi_real_net() -> nn.Module:
    return _BiRealNet()


class _Separable(nn.Module):
    """MobileNet: depthwise, pointwise; grouped pointwise with shuffled channels at stride 1."""

    def __init__(self, inputs: int, planes: int, stride: int):
        super().__init__()
        self.depthwise = BConv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.groups = 2 if stride == 1 else 1
        self.pointwise = BConv2d(inputs, planes, 1, groups=self.groups, bias=False)
        self.bn2, self.sign = nn.BatchNorm2d(planes), Sign()

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.bn1(self.depthwise(x)))
        if self.groups > 1:
            n, c, h, w = x.shape
            x = (
                x.reshape(n, self.groups, c // self.groups, h, w)
                .transpose(1, 2)
                .reshape(n, c, h, w)
            )
        return self.sign(self.bn2(self.pointwise(x)))


@network(RGB, integers=True)
def mobile_net() -> nn.Module:
    return nn.Sequential(
        BConv2d(3, 16, 3, 2, 1),
        nn.BatchNorm2d(16),
        Sign(),
        _Separable(16, 24, 1),
        _Separable(24, 32, 2),
        nn.Flatten(),
        nn.Unflatten(1, (288, 1, 1)),
        BConv2d(288, 5, 1),
        nn.Flatten(),
    )


class _InvertedResidual(nn.Module):
    """Wide in the middle, ReLU6, a shortcut of bits' numbers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(BConv2d(3, 12, 3, 1, 1), nn.BatchNorm2d(12))
        self.conv = nn.Sequential(
            Sign(),
            BConv2d(12, 36, 1, bias=False),
            nn.BatchNorm2d(36),
            nn.ReLU6(inplace=True),
            Call(lambda x: x - 1),
            Sign(),
            BConv2d(36, 36, 3, 1, 1, groups=36, bias=False),
            nn.BatchNorm2d(36),
            Sign(),
            BConv2d(36, 12, 1, bias=False),
            nn.BatchNorm2d(12),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(12, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.classifier((x + self.conv(x)).mean([2, 3]))


@network(RGB)
def inverted_residual() -> nn.Module:
    return _InvertedResidual()


class _SharedSign(nn.Module):
    """One sign is read by two convolutions; their sums are added before one norm."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(BConv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), Sign())
        self.a, self.b = BConv2d(16, 24, 3, 1, 1, bias=False), BConv2d(16, 24, 1, bias=False)
        self.bn, self.sign, self.last = nn.BatchNorm2d(24), Sign(), BConv2d(24, 5, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.last(self.sign(self.bn(self.a(x) + self.b(x)))).squeeze(-1).squeeze(-1)


@network(RGB, integers=True)
def sums_added_before_a_sign() -> nn.Module:
    return _SharedSign()


class _SignsAdded(_SharedSign):
    """Signs of two branches are added: -2, 0 and 2, and their sign is an AND."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.sign(self.bn(self.a(x))) + self.sign(self.b(x) - 0.5)
        return self.last(self.sign(x)).flatten(1)


@network(RGB, integers=True)
def signs_added_then_signed() -> nn.Module:
    return _SignsAdded()


class _SignsMultiplied(_SharedSign):
    """A product of signs is XNOR."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.last(self.sign(self.bn(self.a(x))) * self.sign(self.b(x) - 0.5)).flatten(1)


@network(RGB, integers=True)
def signs_multiplied() -> nn.Module:
    return _SignsMultiplied()


@network(RGB)
def transposed_convolution() -> nn.Module:
    return nn.Sequential(
        BConv2d(3, 16, 3, 2, 1),
        nn.BatchNorm2d(16),
        Sign(),
        nn.ConvTranspose2d(16, 8, 2, 2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


class _AlongChannels(nn.Module):
    """A binary Conv1d over the flat map, as token mixers have it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(BConv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), Sign())
        self.mix, self.bn, self.sign = BConv1d(36, 20, 1), nn.BatchNorm1d(20), Sign()
        self.fc = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2)
        return self.fc(self.bn(self.mix(x)).mean(2))


@network(RGB)
def token_mixer() -> nn.Module:
    return _AlongChannels()
