"""In the manner of the code of IR-Net: standardized weights, powers of two, option A shortcuts."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class BinaryQuantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, k, t):
        ctx.save_for_backward(input, k, t)
        return torch.sign(input)

    @staticmethod
    def backward(ctx, grad_output):
        input, k, t = ctx.saved_tensors
        return k * t * (1 - torch.pow(torch.tanh(input * t), 2)) * grad_output, None, None


class IRConv2d(nn.Conv2d):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.k = torch.tensor([10]).float()
        self.t = torch.tensor([0.1]).float()

    def forward(self, input):
        w, count = self.weight, self.weight.size(0)
        bw = w - w.view(count, -1).mean(-1).view(count, 1, 1, 1)
        bw = bw / bw.view(count, -1).std(-1).view(count, 1, 1, 1)
        power = (torch.log(bw.abs().view(count, -1).mean(-1)) / math.log(2)).round().float()
        sw = torch.pow(torch.tensor([2] * count).float(), power).view(count, 1, 1, 1).detach()
        bw = BinaryQuantize.apply(bw, self.k, self.t) * sw
        ba = BinaryQuantize.apply(input, self.k, self.t)
        return F.conv2d(ba, bw, self.bias, self.stride, self.padding, self.dilation, self.groups)


class LambdaLayer(nn.Module):
    def __init__(self, lambd):
        super().__init__()
        self.lambd = lambd

    def forward(self, x):
        return self.lambd(x)


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = IRConv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = IRConv2d(planes, planes, 3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = LambdaLayer(
                lambda x: F.pad(
                    x[:, :, ::2, ::2], (0, 0, 0, 0, planes // 4, planes // 4), "constant", 0
                )
            )

    def forward(self, x):
        out = self.bn1(self.conv1(x))
        out += self.shortcut(x)
        out = F.hardtanh(out)
        x1 = out
        out = self.bn2(self.conv2(out))
        out += x1
        return F.hardtanh(out)


class ResNet(nn.Module):
    def __init__(self, width=8, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(BasicBlock(width, width), BasicBlock(width, 2 * width, 2))
        self.linear = nn.Linear(2 * width, classes)

    def forward(self, x):
        out = self.layer1(F.hardtanh(self.bn1(self.conv1(x))))
        out = F.avg_pool2d(out, out.size(3))
        return self.linear(out.view(out.size(0), -1))
