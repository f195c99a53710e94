"""ReActNet on ResNet-18: signs and PReLUs with learned shifts."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from signbit.layers import BinaryConv2d, RPReLU, RSign
from signbit.models import _residual as r
from signbit.models._blocks import check_count, check_size
from signbit.models._registry import models
from signbit.quantizers import Choice


@models.register("reactnet18")
class ReActNet18(nn.Module):
    """The network of `resnet18`, with each binary convolution between an RSign and an RPReLU.

    An RSign quantizes the input of every binary 3x3 convolution. A batch norm, the addition of that
    input, and an RPReLU follow the convolution.

    num_classes: the number of classes.
    width: channels of the first section; the others have two, four and eight times as many.
    stem: "cifar", a 3x3 convolution, or "imagenet", a 7x7 convolution and max pooling, for
        input_size=(224, 224).
    shortcut: how a shortcut widens after average pooling. "real" (as in the paper) and "binary" use
        a 1x1 convolution with batch norm; "duplicate" repeats the channels, without parameters.
    in_channels, input_size: shape of the images.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for the binary
        convolutions. The RSign shifts its input, then applies the input quantizer.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: ReActNet, arXiv:2003.03488, "ReActNet (Bi-Real based)". The order of the layers is that
        of the authors' code.
    """

    def __init__(
        self,
        num_classes: int = 10,
        width: int = 64,
        stem: str = "cifar",
        shortcut: str = "real",
        in_channels: int = 3,
        input_size: Sequence[int] = (32, 32),
        input_quantizer: Choice = "approx_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        check_count("in_channels", in_channels)
        check_count("width", width)
        check_size(input_size, 1)

        def quantizers(channels: int) -> dict[str, Any]:
            shifted = RSign(channels, input_quantizer)
            return {"input_quantizer": shifted, "weight_quantizer": weight_quantizer}

        def make(width_in: int, width_out: int, stride: int) -> r.ResidualConv:
            conv = BinaryConv2d(
                width_in, width_out, 3, stride, 1, bias=False, **quantizers(width_in)
            )
            around = r.shortcut(width_in, width_out, stride, shortcut, **quantizers(width_in))
            return r.ResidualConv(conv, around, RPReLU(width_out))

        self.stem = r.stem(stem, in_channels, width)
        self.sections = r.sections([width * times for times in (1, 2, 4, 8)], 4, make)
        self.classifier = r.pooled_scores(8 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.sections(self.stem(x)))
