"""CNV: the convolutional network of FINN, which FPGAs run."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from signbit.layers import BinaryConv2d
from signbit.models._blocks import (
    check_count,
    check_size,
    check_widths,
    hidden_layers,
    scores_of_one_norm,
)
from signbit.models._registry import models
from signbit.quantizers import Choice

_WIDTHS = (1, 1, 2, 2, 4, 4)
_POOLED = (1, 3)  # the convolutions that max pooling follows


@models.register("cnv")
class Cnv(nn.Module):
    """Six 3x3 convolutions without padding, two hidden linear layers, one norm of all scores.

    The widths of the convolutions are 64-64-128-128-256-256, and those of the hidden layers
    512-512. Batch norm and Hardtanh follow each of these layers, and max pooling then follows the
    2nd and the 4th convolution. All weights are binary, and no layer has a bias.

    FINN takes the maximum of signs. Here the sign comes after the maximum, which gives the same
    bits. FINN rounds pixels to multiples of 1/128 from -1 to 1; the default input of `signbit
    train` has such values. The initial weights of the source are left out.

    num_classes: the number of classes.
    width: channels of the first two convolutions. The next two have twice as many, the last two
        four times as many.
    hidden: widths of the binary linear layers before the last one.
    in_channels, input_size: shape of the images, at least 32x32, because each convolution takes
        two rows and columns away.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for every layer. The
        input of the first layer stays real.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: FINN, arXiv:1612.07119. Layers are as in the example `bnn_pynq` of Brevitas.
    """

    def __init__(
        self,
        num_classes: int = 10,
        width: int = 64,
        hidden: Sequence[int] = (512, 512),
        in_channels: int = 3,
        input_size: Sequence[int] = (32, 32),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        check_count("width", width)
        rows, columns = check_size(input_size, 32)
        hidden = check_widths("hidden", hidden)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }
        widths = [check_count("in_channels", in_channels), *(width * times for times in _WIDTHS)]
        self.features = nn.Sequential(*_features(widths, quantizers))
        flat = widths[-1] * _left(rows) * _left(columns)
        self.classifier = nn.Sequential(
            *hidden_layers(flat, hidden, input_quantizer, bias=False, **quantizers),
            *scores_of_one_norm(hidden[-1] if hidden else flat, num_classes, **quantizers),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.features(x).flatten(1))


def _features(widths: list[int], quantizers: dict[str, Any]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index, (width_in, width_out) in enumerate(pairwise(widths)):
        chosen: dict[str, Any] = quantizers | ({"input_quantizer": None} if index == 0 else {})
        layers.append(BinaryConv2d(width_in, width_out, 3, bias=False, **chosen))
        layers += [nn.BatchNorm2d(width_out), nn.Hardtanh()]
        if index in _POOLED:
            layers.append(nn.MaxPool2d(2))
    return layers


def _left(side: int) -> int:
    """The side of the map after the last convolution."""
    return ((side - 4) // 2 - 4) // 2 - 4
