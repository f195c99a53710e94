"""In the manner of the code of XNOR-Net for PyTorch: weights binarized before the forward pass."""

import torch
from torch import nn


class BinActive(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.sign()

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output.masked_fill(input.abs().ge(1), 0)


class BinConv2d(nn.Module):
    def __init__(self, inputs, outputs, kernel_size, stride=1, padding=0, groups=1, linear=False):
        super().__init__()
        self.linear = linear
        if linear:
            self.bn = nn.BatchNorm1d(inputs, eps=1e-4, momentum=0.1, affine=True)
            self.layer = nn.Linear(inputs, outputs)
        else:
            self.bn = nn.BatchNorm2d(inputs, eps=1e-4, momentum=0.1, affine=True)
            self.layer = nn.Conv2d(inputs, outputs, kernel_size, stride, padding, groups=groups)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = BinActive.apply(self.bn(x))
        return self.relu(self.layer(x))


class Net(nn.Module):
    def __init__(self, width=8, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, kernel_size=5, padding=2),
            nn.BatchNorm2d(width, eps=1e-4),
            nn.ReLU(inplace=True),
            BinConv2d(width, 2 * width, kernel_size=1),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            BinConv2d(2 * width, 2 * width, kernel_size=3, padding=1, groups=2),
        )
        self.dense = BinConv2d(2 * width * 16, 16, 0, linear=True)
        self.out = nn.Linear(16, classes)

    def forward(self, x):
        return self.out(self.dense(self.features(x).flatten(1)))


class BinOp:
    """Centres, clips and binarizes the weights of all layers but the first and the last."""

    def __init__(self, model):
        layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        self.targets = [layer.weight for layer in layers[1:-1]]
        self.saved = [weight.data.clone() for weight in self.targets]

    def binarization(self):
        for weight, saved in zip(self.targets, self.saved, strict=True):
            w = weight.data
            w.add_(w.mean(1, keepdim=True).mul(-1).expand_as(w)).clamp_(-1.0, 1.0)
            saved.copy_(w)
            dims = tuple(range(1, w.dim()))
            weight.data = w.sign().mul(w.abs().mean(dims, keepdim=True).expand_as(w))

    def restore(self):
        for weight, saved in zip(self.targets, self.saved, strict=True):
            weight.data.copy_(saved)


class BinaryConv(nn.Conv2d):
    """The same rule inside of the layer."""

    def forward(self, x):
        w = self.weight
        w = (w - w.mean(1, keepdim=True)).clamp(-1, 1)
        alpha = w.abs().mean((1, 2, 3), keepdim=True)
        return nn.functional.conv2d(
            BinActive.apply(x), w.sign() * alpha, self.bias, self.stride, self.padding
        )
