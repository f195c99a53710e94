"""Small networks on grey images of 8x8 pixels."""

from torch import nn

from signbit.format import Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear

GREY = Preprocessing([1 / 128], [-1.0], (8, 8))


def body(*layers: nn.Module, features: int = 64) -> nn.Sequential:
    return nn.Sequential(*layers, nn.Flatten(), BinaryLinear(features, 3)).eval()


def first(channels: int = 16) -> BinaryConv2d:
    return BinaryConv2d(1, channels, 3, padding=1, input_quantizer=None)
