"""QuickNet: binary residual layers, with real pointwise convolutions between the sections."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d
from signbit.models._blocks import check_count, check_size, check_widths
from signbit.models._registry import models
from signbit.models._residual import pooled_scores
from signbit.quantizers import Choice


@models.register("quicknet")
class QuickNet(nn.Module):
    """A real stem, sections of binary 3x3 convolutions with shortcuts, a real linear layer.

    The stem has a 3x3 convolution, a depthwise one and a pointwise one. It divides height and width
    by 4. The convolutions of a section are padded with +1. ReLU, batch norm and the addition of
    the input follow each of them. Between two sections there are ReLU, max pooling, a fixed blur
    of stride 2, and a pointwise convolution with batch norm. All of these are real.

    Strided convolutions have the same padding on both sides, while Keras pads one more at the end.

    num_classes: the number of classes.
    widths: channels of each section; the first is a multiple of 4. (32, 64, 256, 512) gives
        QuickNet-Small.
    blocks: the number of convolutions in each section; (6, 8, 12, 6) gives QuickNet-Large.
    in_channels, input_size: shape of the images. Each blur needs a map of at least two rows and
        columns.
    input_quantizer, weight_quantizer: names, or {"name": ..., option: value}, for the binary
        convolutions.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: Larq Compute Engine, arXiv:2011.09398. Layers, initial weights and constants of batch
        norm are as in Larq Zoo, `sota/quicknet.py`. The blur is that of arXiv:1904.11486.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (4, 4, 4, 4),
        in_channels: int = 3,
        input_size: Sequence[int] = (224, 224),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        check_count("in_channels", in_channels)
        widths, blocks = check_widths("widths", widths), check_widths("blocks", blocks)
        if not widths or len(blocks) != len(widths) or widths[0] % 4:
            raise UsageError(
                f"widths are {list(widths)} and blocks are {list(blocks)}; give as many blocks as "
                "widths, and a first width that is a multiple of 4, such as [64, 128] and [4, 4]"
            )
        # A blur needs a map of two rows and columns. The stem divides by 4 and rounds up.
        check_size(input_size, 4 * (2 ** (len(widths) - 1) - 1) + 1)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }
        layers: list[nn.Module] = [_stem(in_channels, widths[0])]
        for before, width, count in zip((0, *widths), widths, blocks, strict=False):
            layers += [_transition(before, width)] if before else []
            layers += [_Residual(width, quantizers) for _ in range(count)]
        self.features = nn.Sequential(*layers, nn.ReLU())
        self.classifier = pooled_scores(widths[-1], num_classes)
        self._initialize()

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, BinaryConv2d | nn.Linear):
                nn.init.xavier_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.features(x))


class _Residual(nn.Module):
    """batch norm(ReLU(convolution(x))) + x."""

    def __init__(self, width: int, quantizers: dict[str, Any]):
        super().__init__()
        self.path = nn.Sequential(
            BinaryConv2d(width, width, 3, padding=1, bias=False, padding_value=1.0, **quantizers),
            nn.ReLU(),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.path(x) + x


def _stem(in_channels: int, width: int) -> nn.Sequential:
    few = width // 4
    stem = nn.Sequential(
        nn.Conv2d(in_channels, few, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(few, eps=1e-3, momentum=0.01),
        nn.ReLU(),
        nn.Conv2d(few, few, 3, stride=2, padding=1, groups=few, bias=False),
        nn.BatchNorm2d(few, eps=1e-3, momentum=0.01, affine=False),
        nn.Conv2d(few, width, 1, bias=False),
        nn.BatchNorm2d(width, eps=1e-3, momentum=0.01),
    )
    for conv in (stem[0], stem[5]):
        nn.init.kaiming_normal_(conv.weight)  # pyright: ignore[reportArgumentType]
    nn.init.xavier_uniform_(stem[3].weight)  # pyright: ignore[reportArgumentType]
    return stem


def _transition(width_in: int, width_out: int) -> nn.Sequential:
    pointwise = nn.Conv2d(width_in, width_out, 1, bias=False)
    nn.init.xavier_normal_(pointwise.weight)
    pool = nn.MaxPool2d(2, stride=1)
    return nn.Sequential(nn.ReLU(), pool, _blur(width_in), pointwise, nn.BatchNorm2d(width_out))


def _blur(channels: int) -> nn.Conv2d:
    """A depthwise convolution with a binomial kernel that is not trained."""
    conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels, bias=False)
    row = torch.tensor([1.0, 2.0, 1.0])
    del conv.weight
    conv.register_buffer("weight", (row.outer(row) / 16).expand(channels, 1, 3, 3).clone())
    return conv
