"""In the manner of the code of Bi-Real Net and ReActNet: flat weights (n, 1), detached signs."""

import torch
import torch.nn.functional as F
from torch import nn


class BinaryActivation(nn.Module):
    def forward(self, x):
        out_forward = torch.sign(x)
        mask1, mask2, mask3 = x < -1, x < 0, x < 1
        out1 = (-1) * mask1.type(torch.float32) + (x * x + 2 * x) * (1 - mask1.type(torch.float32))
        out2 = out1 * mask2.type(torch.float32) + (-x * x + 2 * x) * (1 - mask2.type(torch.float32))
        out3 = out2 * mask3.type(torch.float32) + 1 * (1 - mask3.type(torch.float32))
        return out_forward.detach() - out3.detach() + out3


class LearnableBias(nn.Module):
    def __init__(self, out_chn):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(1, out_chn, 1, 1) * 0.1)

    def forward(self, x):
        return x + self.bias.expand_as(x)


class HardBinaryConv(nn.Module):
    def __init__(self, in_chn, out_chn, kernel_size=3, stride=1, padding=1):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.shape = (out_chn, in_chn, kernel_size, kernel_size)
        count = in_chn * out_chn * kernel_size * kernel_size
        self.weights = nn.Parameter((torch.rand((count, 1)) - 0.5) * 0.001, requires_grad=True)

    def forward(self, x):
        real_weights = self.weights.view(self.shape)
        scaling_factor = torch.mean(
            torch.mean(torch.mean(abs(real_weights), dim=3, keepdim=True), dim=2, keepdim=True),
            dim=1,
            keepdim=True,
        ).detach()
        no_grad = scaling_factor * torch.sign(real_weights)
        clipped = torch.clamp(real_weights, -1.0, 1.0)
        binary_weights = no_grad.detach() - clipped.detach() + clipped
        return F.conv2d(x, binary_weights, stride=self.stride, padding=self.padding)


class Block(nn.Module):
    """ReActNet's when `react`, else Bi-Real Net's."""

    def __init__(self, inplanes, planes, stride=1, react=False):
        super().__init__()
        self.move0 = LearnableBias(inplanes) if react else nn.Identity()
        self.binary_activation = BinaryActivation()
        self.binary_conv = HardBinaryConv(inplanes, planes, stride=stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(kernel_size=2, stride=stride),
                nn.Conv2d(inplanes, planes, kernel_size=1, bias=False),
                nn.BatchNorm2d(planes),
            )
        self.move1 = LearnableBias(planes) if react else nn.Identity()
        self.prelu = nn.PReLU(planes) if react else nn.Identity()
        self.move2 = LearnableBias(planes) if react else nn.Identity()

    def forward(self, x):
        residual = x
        out = self.binary_activation(self.move0(x))
        out = self.bn1(self.binary_conv(out))
        if self.downsample is not None:
            residual = self.downsample(x)
        out += residual
        return self.move2(self.prelu(self.move1(out)))


class BiRealNet(nn.Module):
    def __init__(self, width=8, classes=10, react=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(
            Block(width, width, react=react), Block(width, 2 * width, 2, react=react)
        )
        self.fc = nn.Linear(2 * width, classes)

    def forward(self, x):
        x = self.layer1(self.bn1(self.conv1(x)))
        return self.fc(x.mean((2, 3)))


def reactnet(width=8):
    return BiRealNet(width, react=True)
