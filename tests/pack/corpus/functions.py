"""Networks that call torch's functions instead of modules."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import GREY, RGB, network


def binarize(x: Tensor) -> Tensor:
    return torch.where(x > 0, 1.0, -1.0)


class _Base(nn.Module):
    def __init__(self, channels: int = 16, features: int = 400):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(channels, 3, 3, 3))
        self.w2 = nn.Parameter(torch.randn(channels, channels, 3, 3))
        self.w3 = nn.Parameter(torch.randn(5, features))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)


@network(RGB, integers=True)
class AllFunctions(_Base):
    """Parameters and functions only."""

    def forward(self, x: Tensor) -> Tensor:
        x = binarize(self.bn1(F.conv2d(x, binarize(self.w1), padding=1)))
        x = F.max_pool2d(x, kernel_size=2)
        x = binarize(self.bn2(F.conv2d(x, weight=binarize(self.w2), padding=1)))
        x = F.max_pool2d(x, 2, stride=1)
        return F.linear(torch.flatten(x, 1), binarize(self.w3))


@network(RGB, integers=True)
class MatrixProduct(_Base):
    """The last layer by `@`, weights transposed."""

    def forward(self, x: Tensor) -> Tensor:
        x = binarize(self.bn1(torch.conv2d(x, binarize(self.w1), None, 1, 1)))
        x = binarize(self.bn2(torch.conv2d(x, binarize(self.w2), None, 2, 1)))
        return F.max_pool2d(x, 2, 1).reshape(x.shape[0], -1) @ binarize(self.w3).t()


@network(RGB, integers=True)
class AddMatrixProduct(_Base):
    def forward(self, x: Tensor) -> Tensor:
        x = binarize(self.bn1(F.conv2d(x, binarize(self.w1), stride=2)))
        x = x.flatten(1)
        return torch.addmm(torch.ones(5) * 0.5, x, binarize(self.w3).T)


@network(RGB, integers=True)
class MatmulMethod(_Base):
    def forward(self, x: Tensor) -> Tensor:
        x = binarize(self.bn1(F.conv2d(x, binarize(self.w1), stride=2)))
        return x.flatten(1).matmul(torch.transpose(binarize(self.w3), 0, 1)).add(1).div(4)


@network(RGB, integers=True)
class Einsum(_Base):
    def forward(self, x: Tensor) -> Tensor:
        x = binarize(self.bn1(F.conv2d(x, binarize(self.w1), stride=2)))
        return torch.einsum("nf,kf->nk", x.flatten(1), binarize(self.w3))


@network(RGB, integers=True)
class NormByFunction(_Base):
    """F.batch_norm with the buffers of the module."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.bn1(F.conv2d(x, binarize(self.w1), stride=2))
        x = F.conv2d(x, binarize(self.w1), stride=2)
        bn = self.bn1
        x = F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=bn.eps)
        return F.linear(binarize(x).flatten(1), binarize(self.w3))


@network(RGB, integers=True)
class NormByHand(_Base):
    """The arithmetic of a batch norm, written out."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, binarize(self.w1), stride=2)
        mean = torch.linspace(-1, 1, 16).view(1, -1, 1, 1)
        x = (x - mean) / torch.linspace(1, 3, 16)[None, :, None, None]
        x = x * self.bn1.weight.view(1, -1, 1, 1) + self.bn1.bias.view(1, -1, 1, 1)
        return F.linear(binarize(x).flatten(1), binarize(self.w3))


@network(RGB, integers=True)
class Arithmetic(_Base):
    """Scalars on either side, negation, division, subtraction from a number."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(F.conv2d(x, binarize(self.w1), stride=2))
        x = -(1.5 - 2 * x) / 3 + 0.25
        x = torch.neg(torch.sub(x, 0.125, alpha=2))
        return F.linear(binarize(x).flatten(1), binarize(self.w3)) * 0.5 - 3


@network(RGB, integers=True)
class Comparisons(_Base):
    """Boolean values joined by logic, then turned to signs."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(F.conv2d(x, binarize(self.w1), stride=2))
        bits = (x > 0.25) & torch.lt(x, 100.0)
        return F.linear(bits.float().mul(2).add(-1).flatten(1), binarize(self.w3))


@network(RGB, integers=True)
class ZeroAndOne(_Base):
    """Activations of 0 and 1 times weights of -1 and +1."""

    def forward(self, x: Tensor) -> Tensor:
        x = (self.bn1(F.conv2d(x, binarize(self.w1), padding=1)) > 0).float()
        x = (self.bn2(F.conv2d(x, binarize(self.w2), stride=2)) > 0).to(x)
        return F.linear(x.flatten(1), binarize(self.w3))


@network(RGB, integers=True)
class Heaviside(_Base):
    def forward(self, x: Tensor) -> Tensor:
        x = torch.heaviside(self.bn1(F.conv2d(x, binarize(self.w1), stride=2)), torch.tensor(0.0))
        return F.linear(x.flatten(1), binarize(self.w3))


@network(RGB, integers=True)
class Copysign(_Base):
    """One with the sign of x; the sign of zero itself counts."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(F.conv2d(x, binarize(self.w1), stride=2))
        return F.linear(torch.copysign(torch.ones_like(x), x).flatten(1), binarize(self.w3))


@network(RGB, integers=True)
class DivideByMagnitude(_Base):
    """x / |x|, with a guard that keeps zero from being divided by."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(F.conv2d(x, binarize(self.w1), stride=2))
        x = torch.where(x == 0, torch.full_like(x, -1.0), x / x.abs())
        return F.linear(x.flatten(1), binarize(self.w3))


@network(GREY, integers=True)
class Unfolded(nn.Module):
    """A convolution as im2col and a product of matrices."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, 9))
        self.bn, self.fc = nn.BatchNorm1d(12), nn.Linear(12 * 36, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        columns = F.unfold(x, 3)
        x = binarize(self.bn(binarize(self.weight) @ columns))
        return F.linear(x.flatten(1), binarize(self.fc.weight))


@network(RGB)
class CosineScores(_Base):
    """Scores are products with normalised weights, times a temperature."""

    def forward(self, x: Tensor) -> Tensor:
        x = binarize(self.bn1(F.conv2d(x, binarize(self.w1), stride=2))).flatten(1)
        return F.linear(x, F.normalize(self.w3, dim=1)) * 16.0


@network(RGB, refused=r"random|drop")
class DropoutThatForgetsTraining(_Base):
    """F.dropout drops in evaluation too, where training=self.training is left out."""

    def forward(self, x: Tensor) -> Tensor:
        x = binarize(self.bn1(F.conv2d(x, binarize(self.w1), stride=2))).flatten(1)
        return F.linear(F.dropout(x, 0.5), binarize(self.w3))


@network(RGB, refused=r"random|noise|rand")
class NoiseInForward(_Base):
    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(F.conv2d(x, binarize(self.w1), stride=2))
        x = binarize(x + 0.1 * torch.randn_like(x)).flatten(1)
        return F.linear(x, binarize(self.w3))


@network(RGB, may_refuse=r"monoton|twice|interval|more than one|abs|\|x\|")
class NotMonotone(_Base):
    """|x| - 1 crosses zero twice: no single threshold gives its sign."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(F.conv2d(x, binarize(self.w1), stride=2))
        return F.linear(binarize(x.abs() - 0.5).flatten(1), binarize(self.w3))
