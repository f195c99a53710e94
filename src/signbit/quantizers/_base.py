"""The interface of a quantizer, the registry of quantizers, and the code that all of them share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, overload

import torch
from torch import Tensor, nn

from signbit.errors import InputTypeError, UsageError
from signbit.registry import Registry

quantizers: Registry[type["AbstractQuantizer"]] = Registry("quantizer", "signbit.quantizers")


class AbstractQuantizer(nn.Module, ABC):
    """A module that maps a real tensor to few values, with a pseudo-gradient for the backward pass.

    The output is `signs(x)`. If `scale(x)` is not None, the output is the signs times that scale;
    this is for weights. If `distance_and_centre()` is not None, the output is the signs times the
    distance, plus the centre; this is for activations.

    A layer multiplies by the signs alone. It applies scale, distance and centre to its sums. Each
    of these operations rounds once, so that a packed network can repeat it.

    binary: whether every sign is -1 or +1, so that it packs into one bit.
    for_weights: whether the quantizer looks at a whole weight, (out, ...), or at a whole output
        channel. Layers refuse such a quantizer for activations, because a packed network compares
        single numbers there.
    """

    binary: ClassVar[bool] = True
    for_weights: ClassVar[bool] = False

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`. The result has the shape, dtype and device of `x`."""

    def signs(self, x: Tensor) -> Tensor:
        """The quantized `x` without scale, distance and centre. The shape is that of `x`."""
        return self(x)

    def scale(self, x: Tensor) -> Tensor | None:
        """The factor of the signs, which is never negative; None means 1.

        Shape: the rank of x, with every axis of size 1 except perhaps the first. There is one
            number for each output channel, or one number for the whole weight.
        """
        return None

    def distance_and_centre(self) -> tuple[Tensor, Tensor] | None:
        """The factor of the signs, and the number that is added after it; None means 1 and 0.

        They are only for the input of a layer. The distance is positive.
        """
        return None

    def set_progress(self, progress: float) -> None:
        """Adapt the quantizer to the progress of the training; called before each epoch.

        The function `set_progress` also calls the quantizers inside this one.

        progress: 0 in the first epoch, 1 in the last one. The last epoch trains with the last
            value.
        """

    def __repr__(self) -> str:
        # One line, even if one quantizer holds another.
        return f"{type(self).__name__}({self.extra_repr()})"


def set_progress(model: nn.Module, progress: float) -> None:
    """Pass the progress of the training to every quantizer in `model`.

    progress: 0 at the start of the training, 1 at its end.

    Raises: UsageError if progress is not from 0 to 1.
    """
    if not 0 <= progress <= 1:
        raise UsageError(f"progress is {progress!r}; give a number from 0 to 1")
    for module in model.modules():
        if isinstance(module, AbstractQuantizer):
            module.set_progress(progress)


Choice = str | Mapping[str, Any] | AbstractQuantizer
"""How a quantizer is named: "ste_sign", {"name": "ste_sign", "clip": 2.0}, or an object."""


@overload
def create(quantizer: Choice, **options: Any) -> AbstractQuantizer: ...
@overload
def create(quantizer: None, **options: Any) -> None: ...
@overload
def create(quantizer: Choice | None, **options: Any) -> AbstractQuantizer | None: ...
def create(quantizer: Choice | None, **options: Any) -> AbstractQuantizer | None:
    """Make a quantizer from its name and options; an object or None is returned unchanged.

    A mapping, such as {"name": "ste_sign", "clip": 2.0}, holds the name and the options. A recipe
    can contain one.

    Raises: UsageError for an unknown name or option, InputTypeError for anything else.
    """
    if isinstance(quantizer, Mapping):
        name, inside = _split(quantizer)
        return quantizers.build(name, inside | options)
    if isinstance(quantizer, str):
        return quantizers.build(quantizer, options)
    if options:
        raise UsageError(
            f"options {sorted(options)} were given with a quantizer that is not a name; give its "
            "name, or leave the options out"
        )
    if quantizer is None or isinstance(quantizer, AbstractQuantizer):
        return quantizer
    raise InputTypeError(
        f"the quantizer is of type {type(quantizer).__name__}; give a name, a mapping with a name "
        "and options, an AbstractQuantizer or None"
    )


def _split(quantizer: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    options = dict(quantizer)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise UsageError(
            f'quantizer {dict(quantizer)!r} has no name; give {{"name": "ste_sign", option: value}}'
        )
    return name, options


def check_positive(option: str, value: Any, hint: str = "") -> None:
    """Raises: UsageError if `value` is not a positive, finite number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise UsageError(f"{option} is {value!r}; give a positive, finite number{hint}")


def changing(value: float) -> Tensor:
    """A number that changes between epochs, as a tensor for a buffer outside the state dict.

    With a plain number, torch would compile a compiled network again for each new value. The tensor
    has its value even if the network is built on the meta device.
    """
    return torch.tensor(value, dtype=torch.float32, device="cpu")


def require_floating(x: Tensor) -> None:
    """Raises: InputTypeError if x is not floating point."""
    if not x.is_floating_point():
        raise InputTypeError(f"quantizer: input is {x.dtype}; give a floating-point tensor")


def signs_of(x: Tensor) -> Tensor:
    """+1 where x > 0, -1 elsewhere, also for 0 of either sign and for NaN. It has no gradient."""
    # torch.sign gives 0 for 0 and NaN. These two passes take a third of the time of a comparison,
    # whose result must be converted back to numbers.
    return torch.threshold_(x.detach().sign(), 0.0, -1.0)
