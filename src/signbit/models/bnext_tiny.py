"""BNext-T: the layout of MobileNet, where each binary convolution has a gate for each channel."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from signbit.layers import BinaryConv2d, RSign
from signbit.models import _mobile
from signbit.models._blocks import channel_gate, check_count, check_size
from signbit.models._registry import models
from signbit.models._residual import mean_pool, pooled_scores
from signbit.quantizers import Choice

# From width, size of the kernel and stride to a binary convolution that keeps the width.
MakeConv = Callable[[int, int, int], BinaryConv2d]


@models.register("bnext_tiny")
class BNextTiny(nn.Module):
    """A real first convolution, 13 blocks with gates, a PReLU and a real linear layer.

    A block has a 3x3 convolution, then a 1x1 one. Batch norm and PReLU follow a convolution; call
    the result y. A learned share mixes y with the input of the convolution. The means of that mix
    give a gate, a number from 0 to 1 for each channel, and y is multiplied by the gate. ("Info-
    Recoupling" is the name of this part.) Then come a batch norm and the addition of the input.

    The 3x3 convolution of every second block has "element-wise attention": a PReLU of the input
    multiplies the gated y before the batch norm, and is added in place of the input after it.

    Where the widths change, two gated 1x1 convolutions read the same map, and their outputs are
    concatenated. There the 3x3 convolution also halves the map, except in the first block, and mean
    pooling halves its input for the mix and for the addition.

    These layers are those of the source, but its training is another: weights that become binary
    only towards the end, estimators that pass gradients up to 1.5 instead of 1 (here {"name":
    "ste_sign", "clip": 1.5}), and other initial weights.

    num_classes: the number of classes.
    width: channels of the first convolution. The blocks have up to 32 times as many.
    stem: "cifar", or "imagenet" for input_size=(224, 224), where the first convolution halves the
        image.
    in_channels, input_size: shape of the images.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for the binary
        convolutions. An RSign shifts the input, then applies the input quantizer.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: BNext, arXiv:2211.12933, "BNext-T". The order of the layers is that of the authors'
        code.
    """

    def __init__(
        self,
        num_classes: int = 10,
        width: int = 32,
        stem: str = "cifar",
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

        def make(channels: int, kernel: int, stride: int) -> BinaryConv2d:
            quantizers: dict[str, Any] = {
                "input_quantizer": RSign(channels, input_quantizer),
                "weight_quantizer": weight_quantizer,
            }
            return BinaryConv2d(
                channels, channels, kernel, stride, kernel // 2, bias=False, **quantizers
            )

        self.stem = _mobile.stem(stem, in_channels, width)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(_Unit(few, 3, stride, index % 2 == 1, make), _Wide(few, wide, make))
                for index, (few, wide, stride) in enumerate(_mobile.block_sizes(width))
            )
        )
        last = _mobile.LAST * width
        self.activation = nn.PReLU(last)
        self.classifier = pooled_scores(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.activation(self.blocks(self.stem(x))))


class _Gated(nn.Module):
    """y times a gate, where y = PReLU(batch norm(convolution(x))).

    The gate is computed from share * pooled x + (1 - share) * y; the learned share stays from 0
    to 1.
    """

    def __init__(self, conv: BinaryConv2d):
        super().__init__()
        channels = conv.out_channels
        self.conv = conv
        self.norm = nn.BatchNorm2d(channels)
        self.activation = nn.PReLU(channels)
        self.share = nn.Parameter(torch.full((channels,), 0.5))
        self.gate = channel_gate(channels)

    def forward(self, x: Tensor, pooled: Tensor) -> Tensor:
        if self.training:
            # A clamp in the graph would stop the gradient of a share that leaves the range.
            with torch.no_grad():
                self.share.clamp_(0, 1)
        share = self.share.view(-1, 1, 1)
        y = self.activation(self.norm(self.conv(x)))
        return self.gate(share * pooled + (1 - share) * y) * y


class _Unit(nn.Module):
    """A gated convolution with its shortcut; it keeps the width.

    attention: whether the shortcut has a PReLU, and also multiplies.
    """

    def __init__(self, width: int, kernel: int, stride: int, attention: bool, make: MakeConv):
        super().__init__()
        self.pool = mean_pool(stride)
        self.gated = _Gated(make(width, kernel, stride))
        self.norm = nn.BatchNorm2d(width)
        self.attention = nn.PReLU(width) if attention else None

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(x)
        y = self.gated(x, pooled)
        if self.attention is None:
            return self.norm(y) + pooled
        around = self.pool(self.attention(x))
        return self.norm(y * around) + around


class _Wide(nn.Module):
    """Gated 1x1 convolutions of the same map, with their outputs next to each other."""

    def __init__(self, width_in: int, width_out: int, make: MakeConv):
        super().__init__()
        count = width_out // width_in
        self.units = nn.ModuleList(_Unit(width_in, 1, 1, False, make) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([unit(x) for unit in self.units], 1)
