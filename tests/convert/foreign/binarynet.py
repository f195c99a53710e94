"""In the manner of the code of BinaryNet for PyTorch: latent weights in `weight.org`, `.data`."""

# pyright: reportAttributeAccessIssue=false

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


def binarize(tensor, quant_mode="det"):
    if quant_mode == "det":
        return tensor.sign()
    return tensor.add_(1).div_(2).add_(torch.rand(tensor.size()).add(-0.5)).clamp_(0, 1)


class BinarizeLinear(nn.Linear):
    def __init__(self, *args, real_inputs=784, **kwargs):
        super().__init__(*args, **kwargs)
        self.real_inputs = real_inputs

    def forward(self, input):
        if input.size(1) != self.real_inputs:
            input.data = binarize(input.data)
        if not hasattr(self.weight, "org"):
            self.weight.org = self.weight.data.clone()
        self.weight.data = binarize(self.weight.org)
        out = F.linear(input, self.weight)
        if self.bias is not None:
            self.bias.org = self.bias.data.clone()
            out += self.bias.view(1, -1).expand_as(out)
        return out


class BinarizeConv2d(nn.Conv2d):
    def forward(self, input):
        if input.size(1) != 3:
            input.data = binarize(input.data)
        if not hasattr(self.weight, "org"):
            self.weight.org = self.weight.data.clone()
        self.weight.data = binarize(self.weight.org)
        out = F.conv2d(
            input, self.weight, None, self.stride, self.padding, self.dilation, self.groups
        )
        if self.bias is not None:
            self.bias.org = self.bias.data.clone()
            out += self.bias.view(1, -1, 1, 1).expand_as(out)
        return out


class Mlp(nn.Module):
    def __init__(self, pixels=36, hidden=(24, 16), classes=10):
        super().__init__()
        sizes = [pixels, *hidden]
        self.parts = nn.ModuleList()
        for one, other in pairwise(sizes):
            layer = BinarizeLinear(one, other, real_inputs=pixels)
            self.parts.append(nn.Sequential(layer, nn.BatchNorm1d(other), nn.Hardtanh()))
        self.fc = nn.Linear(sizes[-1], classes)
        self.pixels = pixels

    def forward(self, x):
        x = x.view(-1, self.pixels)
        for part in self.parts:
            x = part(x)
        return F.log_softmax(self.fc(x), dim=1)


class Vgg(nn.Module):
    def __init__(self, width=8, classes=10, side=8):
        super().__init__()
        self.features = nn.Sequential(
            BinarizeConv2d(3, width, kernel_size=3, stride=1, padding=1, bias=True),
            nn.BatchNorm2d(width),
            nn.Hardtanh(inplace=True),
            BinarizeConv2d(width, 2 * width, kernel_size=3, padding=1, bias=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.BatchNorm2d(2 * width),
            nn.Hardtanh(inplace=True),
        )
        self.flat = 2 * width * (side // 2) ** 2
        self.classifier = nn.Sequential(
            BinarizeLinear(self.flat, 3 * width, bias=True),
            nn.BatchNorm1d(3 * width),
            nn.Hardtanh(inplace=True),
            BinarizeLinear(3 * width, classes, bias=True),
            nn.BatchNorm1d(classes, affine=False),
            nn.LogSoftmax(dim=1),
        )

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.view(-1, self.flat))


class AlexNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            BinarizeConv2d(3, 12, kernel_size=5, stride=2, padding=2),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.BatchNorm2d(12),
            nn.Hardtanh(inplace=True),
            BinarizeConv2d(12, 20, kernel_size=5, padding=2, groups=2),
            nn.BatchNorm2d(20),
            nn.Hardtanh(inplace=True),
        )
        self.classifier = nn.Sequential(BinarizeLinear(20 * 9, classes), nn.BatchNorm1d(classes))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = BinarizeConv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.tanh1 = nn.Hardtanh(inplace=True)
        self.conv2 = BinarizeConv2d(planes, planes, 3, 1, 1, bias=False)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                BinarizeConv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )
        self.bn2 = nn.BatchNorm2d(planes)
        self.tanh2 = nn.Hardtanh(inplace=True)

    def forward(self, x):
        # conv1 writes the signs into its input: without the copy they would be the shortcut too.
        residual = x.clone()
        out = self.tanh1(self.bn1(self.conv1(x)))
        out = self.conv2(out)
        if self.downsample is not None:
            residual = self.downsample(residual)
        out += residual
        return self.tanh2(self.bn2(out))


class ResNet(nn.Module):
    def __init__(self, width=8, classes=10):
        super().__init__()
        self.conv1 = BinarizeConv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.tanh1 = nn.Hardtanh(inplace=True)
        self.layer1 = nn.Sequential(BasicBlock(width, width), BasicBlock(width, 2 * width, 2))
        self.avgpool = nn.AvgPool2d(4)
        self.fc = BinarizeLinear(2 * width, classes)

    def forward(self, x):
        x = self.tanh1(self.bn1(self.conv1(x)))
        x = self.avgpool(self.layer1(x))
        return self.fc(x.view(x.size(0), -1))
