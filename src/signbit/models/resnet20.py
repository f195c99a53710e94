"""ResNet-20 for CIFAR with binary convolutions, each with a shortcut of its own."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from signbit.layers import BinaryConv2d
from signbit.models import _residual as r
from signbit.models._blocks import check_count, check_size
from signbit.models._registry import models
from signbit.quantizers import Choice


@models.register("resnet20")
class ResNet20(nn.Module):
    """A real 3x3 convolution, three sections of six binary ones, a real linear layer.

    The widths are 16-32-64. A batch norm and the addition of its own input follow every binary
    convolution. In the second and the third section, the first convolution halves the map, and its
    shortcut widens it.

    num_classes: the number of classes.
    width: channels of the first section; the others have two and four times as many.
    shortcut: how those two shortcuts widen after average pooling. "real" and "binary" use a 1x1
        convolution with batch norm; "duplicate" repeats the channels, without parameters.
    in_channels, input_size: shape of the images, (32, 32) for CIFAR.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for the binary
        convolutions.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: ResNet, arXiv:1512.03385, section 4.2, for the topology; Bi-Real Net, arXiv:1808.00278,
        for the shortcuts; initial weights as in the public code of IR-Net, arXiv:1909.10788.
    """

    def __init__(
        self,
        num_classes: int = 10,
        width: int = 16,
        shortcut: str = "duplicate",
        in_channels: int = 3,
        input_size: Sequence[int] = (32, 32),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        check_count("in_channels", in_channels)
        check_count("width", width)
        check_size(input_size, 1)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }

        def make(width_in: int, width_out: int, stride: int) -> r.ResidualConv:
            conv = BinaryConv2d(width_in, width_out, 3, stride, 1, bias=False, **quantizers)
            around = r.shortcut(width_in, width_out, stride, shortcut, **quantizers)
            return r.ResidualConv(conv, around, nn.Identity())

        self.stem = r.stem("cifar", in_channels, width)
        self.sections = r.sections([width, 2 * width, 4 * width], 6, make)
        self.classifier = r.pooled_scores(4 * width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.sections(self.stem(x)))
