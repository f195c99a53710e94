"""Norms of all kinds before and after binary layers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import GREY, IMAGENET, RGB, network
from tests.pack.corpus._parts import BConv2d, Between, BLinear, Call, Real, Sign


class _Perceptron(nn.Module):
    """norm: of the 48 sums of the hidden layer."""

    def __init__(self, norm: nn.Module, *after: nn.Module):
        super().__init__()
        self.fc1, self.norm, self.sign = BLinear(64, 48), norm, Sign()
        self.fc2, self.after = BLinear(48, 5), nn.Sequential(*after)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.fc2(self.sign(self.norm(self.fc1(x.flatten(1))))))


@network(GREY, integers=True)
def batch_norm_without_affine() -> nn.Module:
    return _Perceptron(nn.BatchNorm1d(48, affine=False), nn.BatchNorm1d(5, affine=False))


@network(GREY, integers=True)
def batch_norm_twice() -> nn.Module:
    """The second one falls where the first one's gamma is negative."""
    return _Perceptron(nn.Sequential(nn.BatchNorm1d(48), nn.BatchNorm1d(48)))


@network(GREY)
def layer_norm() -> nn.Module:
    """Statistics of each image: no threshold is a constant."""
    return _Perceptron(nn.LayerNorm(48))


@network(GREY, integers=True)
def scale_and_shift_parameters() -> nn.Module:
    class Affine(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.randn(48))
            self.shift = nn.Parameter(torch.randn(48) * 4)

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale + self.shift

    return _Perceptron(Affine())


@network(GREY, integers=True)
def no_norm_and_odd_sums() -> nn.Module:
    return _Perceptron(nn.Identity())


@network(GREY, integers=True)
def frozen_batch_norm() -> nn.Module:
    """torchvision's FrozenBatchNorm2d: four buffers and arithmetic."""

    class Frozen(nn.Module):
        weight: Tensor
        bias: Tensor
        mean: Tensor
        variance: Tensor

        def __init__(self, features: int):
            super().__init__()
            self.register_buffer("weight", torch.randn(features))
            self.register_buffer("bias", torch.randn(features))
            self.register_buffer("mean", torch.randn(features) * 3)
            self.register_buffer("variance", torch.rand(features) * 30 + 1)

        def forward(self, x: Tensor) -> Tensor:
            w, b = self.weight.reshape(1, -1), self.bias.reshape(1, -1)
            scale = w * (self.variance.reshape(1, -1) + 1e-5).rsqrt()
            return x * scale + (b - self.mean.reshape(1, -1) * scale)

    return _Perceptron(Frozen(48))


@network(RGB)
def instance_norm() -> nn.Module:
    return Real(nn.Sequential(nn.InstanceNorm2d(16, eps=0.1, affine=True), nn.ReLU()))


@network(RGB)
def group_norm() -> nn.Module:
    return Real(nn.GroupNorm(4, 16))


@network(RGB)
def group_norm_before_a_sign() -> nn.Module:
    return Between(nn.GroupNorm(2, 16))


@network(RGB)
def channels_last_layer_norm() -> nn.Module:
    """ConvNeXt's: permute, layer norm over the channels, permute back."""

    class ChannelNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(16, eps=1e-6)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    return Real(ChannelNorm())


@network(RGB)
def root_mean_square_norm() -> nn.Module:
    weight = torch.rand(16, 1, 1) + 0.5
    return Real(Call(lambda x: x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6) * weight))


@network(RGB)
def local_response_norm() -> nn.Module:
    return Real(nn.LocalResponseNorm(3))


@network(RGB)
def l2_normalized_features() -> nn.Module:
    return Real(Call(lambda x: F.normalize(x.mean((2, 3)), dim=1)))


@network(IMAGENET, integers=False)
def norm_of_the_pixels() -> nn.Module:
    """A batch norm first, as in many re-implementations of BinaryNet."""
    return nn.Sequential(
        nn.BatchNorm2d(3),
        Sign(),
        BConv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        Sign(),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        BLinear(400, 5),
    )


@network(RGB, integers=True)
def constants_of_the_data_in_forward() -> nn.Module:
    """Mean and deviation of the data set inside the network."""

    class Normalized(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.tensor([0.25, 0.0, -0.5]).view(1, 3, 1, 1))
            self.net = nn.Sequential(
                BConv2d(3, 16, 4), nn.BatchNorm2d(16), Sign(), nn.Flatten(), BLinear(1296, 5)
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.net((x - self.mean) / 0.5)  # pyright: ignore

    return Normalized()


@network(RGB, integers=True)
def pooling_before_the_norm() -> nn.Module:
    """With negative gammas the maximum becomes a minimum of the bits."""
    return nn.Sequential(
        BConv2d(3, 32, 3, padding=1),
        nn.MaxPool2d(2, 2),
        nn.BatchNorm2d(32),
        Sign(),
        BConv2d(32, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.MaxPool2d(2),
        Sign(),
        nn.Flatten(),
        BLinear(216, 5),
    )
