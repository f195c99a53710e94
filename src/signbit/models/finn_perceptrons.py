"""The multi-layer perceptrons of FINN, which FPGAs run: `tfc`, `sfc` and `lfc`."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from signbit.models._blocks import (
    check_count,
    check_hidden,
    check_size,
    hidden_layers,
    scores_of_one_norm,
)
from signbit.models._registry import models
from signbit.quantizers import Choice

_DOCSTRING = """Three hidden layers of {width}, with binary weights and binary pixels.

    The input of every layer is binary, also that of the first one. Batch norm and Hardtanh follow
    each hidden layer, and one norm of all scores follows the last layer. No layer has a bias.
    The dropout and the initial weights of the source are left out.

    num_classes: the number of classes.
    hidden: widths of the layers before the last one.
    in_channels, input_size: shape of the images, (28, 28) for MNIST.
    input_quantizer, weight_quantizer: names, or {{"name": ..., option: value}}, for every layer.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    Source: {source}
    """


class FinnPerceptron(nn.Module):
    """Binary linear layers on the signs of the flattened image, ending in log-probabilities.

    Shape:  (N, in_channels, *input_size) to (N, num_classes).
    Raises: UsageError for a value that is not allowed.
    """

    def __init__(
        self,
        num_classes: int,
        hidden: Sequence[int],
        in_channels: int,
        input_size: Sequence[int],
        input_quantizer: Choice,
        weight_quantizer: Choice,
    ):
        super().__init__()
        check_count("num_classes", num_classes)
        height, width = check_size(input_size, 1)
        hidden = check_hidden(hidden)
        quantizers: dict[str, Any] = {
            "input_quantizer": input_quantizer,
            "weight_quantizer": weight_quantizer,
        }
        flat = check_count("in_channels", in_channels) * height * width
        self.features = nn.Sequential(
            *hidden_layers(flat, hidden, input_quantizer, bias=False, **quantizers)
        )
        self.classifier = nn.Sequential(*scores_of_one_norm(hidden[-1], num_classes, **quantizers))

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities of the classes."""
        return self.classifier(self.features(x.flatten(1)))


def _register(name: str, width: int, source: str) -> None:
    def build(
        num_classes: int = 10,
        hidden: Sequence[int] = (width,) * 3,
        in_channels: int = 1,
        input_size: Sequence[int] = (28, 28),
        input_quantizer: Choice = "ste_sign",
        weight_quantizer: Choice = "ste_sign",
    ) -> nn.Module:
        return FinnPerceptron(
            num_classes, hidden, in_channels, input_size, input_quantizer, weight_quantizer
        )

    build.__name__ = build.__qualname__ = name
    build.__doc__ = _DOCSTRING.format(width=width, source=source)
    models.register(name)(build)


_BREVITAS = "the example `bnn_pynq` of Brevitas"
_register("tfc", 64, f"{_BREVITAS}.")
_register("sfc", 256, f"FINN, arXiv:1612.07119. Layers are as in {_BREVITAS}.")
_register("lfc", 1024, f"FINN, arXiv:1612.07119. Layers are as in {_BREVITAS}.")
