"""ReActNet-A: the layout of MobileNet, with signs and PReLUs whose shifts are learned."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from signbit.layers import BinaryConv2d, RPReLU, RSign
from signbit.models import _mobile
from signbit.models import _residual as r
from signbit.models._blocks import check_count, check_size
from signbit.models._registry import models
from signbit.quantizers import Choice


@models.register("reactnet_a")
class ReActNetA(nn.Module):
    """A real first convolution, 13 blocks of two binary ones, a real linear layer.

    A block has a 3x3 and a 1x1 convolution. An RSign quantizes the input of each convolution. A
    batch norm, the addition of that input, and an RPReLU follow it. The 3x3 convolution halves the
    map where the widths change, except in the first block, and mean pooling then halves its
    shortcut. The 1x1 convolution doubles the channels there, and its shortcut repeats them.

    The source doubles the channels with two 1x1 convolutions of the same signs. They are one
    convolution here, with the same weights.

    num_classes: the number of classes.
    width: channels of the first convolution. The blocks have up to 32 times as many.
    stem: "cifar", or "imagenet" for input_size=(224, 224), where the first convolution halves the
        image.
    in_channels, input_size: shape of the images.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for the binary
        convolutions. The RSign shifts its input, then applies the input quantizer.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: ReActNet, arXiv:2003.03488, "ReActNet-A". The order of the layers is that of the
        authors' code.
    """

    def __init__(
        self,
        num_classes: int = 10,
        width: int = 32,
        stem: str = "cifar",
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

        def residual(width_in: int, width_out: int, kernel: int, stride: int) -> r.ResidualConv:
            quantizers: dict[str, Any] = {
                "input_quantizer": RSign(width_in, input_quantizer),
                "weight_quantizer": weight_quantizer,
            }
            conv = BinaryConv2d(
                width_in, width_out, kernel, stride, kernel // 2, bias=False, **quantizers
            )
            around = r.shortcut(width_in, width_out, stride, "duplicate")
            return r.ResidualConv(conv, around, RPReLU(width_out))

        self.stem = _mobile.stem(stem, in_channels, width)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(residual(few, few, 3, stride), residual(few, wide, 1, 1))
                for few, wide, stride in _mobile.block_sizes(width)
            )
        )
        self.classifier = r.pooled_scores(_mobile.LAST * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.blocks(self.stem(x)))
