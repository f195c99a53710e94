"""VGG-small, with which papers about binary networks compare; first and last layer are real."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from signbit.layers import BinaryConv2d
from signbit.models._blocks import check_count, check_size
from signbit.models._registry import models
from signbit.quantizers import Choice

_WIDTHS = (1, 1, 2, 2, 4, 4)
_POOLED = (1, 3, 5)  # the convolutions that max pooling follows


@models.register("vgg_small")
class VggSmall(nn.Module):
    """A real 3x3 convolution, five binary ones, a real linear layer.

    The widths are 128-128-256-256-512-512. Batch norm and Hardtanh follow each convolution. After
    the 2nd, 4th and 6th, max pooling comes before them.

    num_classes: the number of classes.
    width: channels of the first two convolutions. The next two have twice as many, the last two
        four times as many.
    in_channels, input_size: shape of the images, at least 8x8; (32, 32) for CIFAR.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for the five binary
        convolutions.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: the widths are those of LQ-Nets, arXiv:1807.10029. Layers and initial weights are those
        of IR-Net, arXiv:1909.10788, as in its public code.
    """

    def __init__(
        self,
        num_classes: int = 10,
        width: int = 128,
        in_channels: int = 3,
        input_size: Sequence[int] = (32, 32),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        check_count("in_channels", in_channels)
        check_count("width", width)
        height, across = check_size(input_size, 8)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }
        widths = [width * times for times in _WIDTHS]
        self.features = nn.Sequential(*_features([in_channels, *widths], quantizers))
        self.classifier = nn.Sequential(
            nn.Linear(widths[-1] * (height // 8) * (across // 8), num_classes),
            nn.LogSoftmax(dim=1),
        )
        self._initialize()

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.features(x).flatten(1))


def _features(channels: list[int], quantizers: dict[str, Any]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index, (width_in, width_out) in enumerate(pairwise(channels)):
        if index == 0:
            layers.append(nn.Conv2d(width_in, width_out, 3, padding=1, bias=False))
        else:
            layers.append(BinaryConv2d(width_in, width_out, 3, padding=1, bias=False, **quantizers))
        if index in _POOLED:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.BatchNorm2d(width_out), nn.Hardtanh()]
    return layers
