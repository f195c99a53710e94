"""Parts that several architectures share, and the checks of their options."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from signbit.errors import UsageError, unknown_name
from signbit.layers import BinaryLinear
from signbit.quantizers import Choice

# Catches a wrong or hostile size early. No network of this kind comes near it.
MAX_WIDTH = 1 << 20


def check_count(option: str, value: Any, least: int = 1) -> int:
    """Check a size option: a whole number from `least` to MAX_WIDTH. Raises: UsageError."""
    if type(value) is not int or not least <= value <= MAX_WIDTH:
        raise UsageError(f"{option} is {value!r}; give a whole number from {least} to {MAX_WIDTH}")
    return value


def check_widths(option: str, values: Any) -> tuple[int, ...]:
    """Check a list of layer widths, which may be empty. Raises: UsageError."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise UsageError(f"{option} is {values!r}; give a list of widths, such as [1024, 1024]")
    return tuple(check_count(option, value) for value in values)


def check_hidden(values: Any) -> tuple[int, ...]:
    """Check the widths of the hidden layers of a perceptron. Raises: UsageError if none is left."""
    widths = check_widths("hidden", values)
    if not widths:
        raise UsageError("hidden is empty; give at least one width, such as [256]")
    return widths


def check_size(size: Any, least: int) -> tuple[int, int]:
    """Check height and width of the input. Raises: UsageError if one is below `least`."""
    if not isinstance(size, Sequence) or isinstance(size, str) or len(size) != 2:
        raise UsageError(f"input_size is {size!r}; give [height, width]")
    return check_count("input_size", size[0], least), check_count("input_size", size[1], least)


def check_choice(option: str, value: Any, choices: Sequence[str]) -> str:
    """Check that a value is one of a few names. Raises: UsageError with the closest one."""
    if value not in choices:
        raise unknown_name(option, str(value), choices)
    return value


def hidden_layers(
    in_features: int, widths: Sequence[int], first_input: Choice | None, **quantizers: Any
) -> list[nn.Module]:
    """A binary linear layer, a batch norm and a Hardtanh for each width.

    first_input: the input quantizer of the first layer; None if its input is real.
    """
    layers: list[nn.Module] = []
    for index, width in enumerate(widths):
        chosen: dict[str, Any] = quantizers | (
            {"input_quantizer": first_input} if index == 0 else {}
        )
        layers += [BinaryLinear(in_features, width, **chosen)]
        layers += [nn.BatchNorm1d(width), nn.Hardtanh()]
        in_features = width
    return layers


def class_scores(in_features: int, num_classes: int, **quantizers: Any) -> list[nn.Module]:
    """A binary linear layer to the classes, a batch norm without parameters, log-probabilities."""
    return [
        BinaryLinear(in_features, num_classes, **quantizers),
        nn.BatchNorm1d(num_classes, affine=False),
        nn.LogSoftmax(dim=1),
    ]


def scores_of_one_norm(in_features: int, num_classes: int, **quantizers: Any) -> list[nn.Module]:
    """A binary linear layer to the classes, a norm of all its sums together, log-probabilities.

    The norm has one mean, one variance, one factor and one shift for all classes. With a positive
    factor, the class is that of the largest sum, so hardware does not need the norm.
    """
    return [
        BinaryLinear(in_features, num_classes, bias=False, **quantizers),
        nn.Unflatten(1, (1, num_classes)),
        nn.BatchNorm1d(1),
        nn.Flatten(),
        nn.LogSoftmax(dim=1),
    ]


def channel_gate(channels: int, reduction: int = 8) -> nn.Sequential:
    """A number from 0 to 1 for each channel, computed from the means of all channels.

    reduction: the hidden layer has channels / reduction channels, rounded down, but at least 4.

    Shape:  (N, channels, H, W) to (N, channels, 1, 1).
    Source: Squeeze-and-Excitation, arXiv:1709.01507.
    """
    hidden = max(channels // reduction, 4)
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(channels, hidden, 1),
        nn.ReLU(),
        nn.Conv2d(hidden, channels, 1),
        nn.Sigmoid(),
    )
