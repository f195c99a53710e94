"""The VGG of BinaryNet; the weights of every layer are binary."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d
from signbit.models._blocks import (
    MAX_WIDTH,
    check_count,
    check_size,
    check_widths,
    class_scores,
    hidden_layers,
)
from signbit.models._registry import models
from signbit.quantizers import Choice

_POOLED = (1, 3, 5)  # the convolutions that max pooling follows


def _widths(inflation: float) -> list[int]:
    number = isinstance(inflation, int | float) and not isinstance(inflation, bool)
    if not number or not 0 < inflation <= MAX_WIDTH // 512:
        raise UsageError(
            f"inflation is {inflation!r}; give a positive number up to {MAX_WIDTH // 512}, "
            "such as 0.25 or 3"
        )
    scaled = [width * inflation for width in (128, 128, 256, 256, 512)]
    if any(width != int(width) for width in scaled):
        raise UsageError(
            f"inflation is {inflation}; 128 times inflation must be a whole number; give one "
            "such as 0.25, 0.5 or 3"
        )
    return [int(width) for width in scaled] + [512]


@models.register("vgg_cifar10_binary")
class VggCifar10Binary(nn.Module):
    """Six 3x3 convolutions and binary linear layers, ending in log-probabilities.

    The widths of the convolutions are 128-128-256-256-512, each times `inflation`, and 512. Max
    pooling follows the 2nd, 4th and 6th. `features` and `classifier` have their modules in the
    order of the older public code. Checkpoints of that code load with inflation=3 and
    hidden=(1024, 1024).

    num_classes: the number of classes.
    inflation: the factor of the widths; it may be a fraction, such as 0.25.
    hidden: widths of the binary linear layers before the last one.
    in_channels, input_size: shape of the images, (32, 32) for CIFAR.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for every layer. The
        input of the first layer stays real.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: BinaryNet, arXiv:1602.02830.
    """

    def __init__(
        self,
        num_classes: int = 10,
        inflation: float = 1,
        hidden: Sequence[int] = (),
        in_channels: int = 3,
        input_size: Sequence[int] = (32, 32),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        height, width = check_size(input_size, 8)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }
        channels = [check_count("in_channels", in_channels), *_widths(inflation)]
        self.features = nn.Sequential(*_features(channels, quantizers))
        flat = channels[-1] * (height // 8) * (width // 8)
        hidden = check_widths("hidden", hidden)
        self.classifier = nn.Sequential(
            *hidden_layers(flat, hidden, input_quantizer, **quantizers),
            *class_scores(hidden[-1] if hidden else flat, num_classes, **quantizers),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.features(x).flatten(1))


def _features(channels: list[int], quantizers: dict[str, Any]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index, (width_in, width_out) in enumerate(pairwise(channels)):
        chosen: dict[str, Any] = quantizers | ({"input_quantizer": None} if index == 0 else {})
        layers.append(BinaryConv2d(width_in, width_out, 3, padding=1, **chosen))
        if index in _POOLED:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.BatchNorm2d(width_out), nn.Hardtanh()]
    return layers
