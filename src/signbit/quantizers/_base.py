"""The interface of a quantizer, its registry, and what all of them share."""

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
    """Maps a real tensor to few values forwards, with a pseudo-gradient backwards.

    The output is `signs(x)`. The signs of a weight are multiplied by `scale(x)` where that is not
    None. The signs of an activation are multiplied by the distance and moved by the centre of
    `distance_and_centre()` where that is not None. A layer multiplies by the signs alone and
    applies the rest to its sums: one rounding each, which a packed network repeats.

    binary: whether every sign is -1 or +1, so that it packs into one bit.
    for_weights: whether it looks at all of a weight, (out, ...), or at all of an output channel.
        Signs of an activation pack as comparisons of single numbers, so that such a quantizer
        is refused there.
    """

    binary: ClassVar[bool] = True
    for_weights: ClassVar[bool] = False

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`; shape, dtype and device stay."""

    def signs(self, x: Tensor) -> Tensor:
        """`x` quantized, without scale, distance and centre."""
        return self(x)

    def scale(self, x: Tensor) -> Tensor | None:
        """What the signs are multiplied by, never negative; None for 1.

        Shape: as x with all axes but the first of size 1, one number per output channel; or all.
        """
        return None

    def distance_and_centre(self) -> tuple[Tensor, Tensor] | None:
        """The number that signs are multiplied by, and the number added to them; None for 1 and 0.

        Only for the input of a layer. The distance is positive.
        """
        return None

    def set_progress(self, progress: float) -> None:
        """Adapt to how much of the training is done; called before each epoch.

        progress: 0 in the first epoch, 1 in the last, so that the last epoch trains with the last
            value. The function `set_progress` also calls the quantizers inside this one.
        """

    def __repr__(self) -> str:
        # One line, also where one quantizer holds another.
        return f"{type(self).__name__}({self.extra_repr()})"


def set_progress(model: nn.Module, progress: float) -> None:
    """Tell every quantizer in `model` how much of the training is done.

    Raises: UsageError where progress is not 0 to 1.
    """
    if not 0 <= progress <= 1:
        raise UsageError(f"progress of the training is {progress!r}; give a number from 0 to 1")
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
    """A quantizer from its name and options; an object or None is returned as it is.

    A mapping holds both, {"name": "ste_sign", "clip": 2.0}, as a recipe can write it.

    Raises: UsageError for an unknown name or option, InputTypeError for anything else.
    """
    if isinstance(quantizer, Mapping):
        name, inside = _split(quantizer)
        return quantizers.build(name, inside | options)
    if isinstance(quantizer, str):
        return quantizers.build(quantizer, options)
    if options:
        raise UsageError(
            f"options {sorted(options)} go with the name of a quantizer, not an object"
        )
    if quantizer is None or isinstance(quantizer, AbstractQuantizer):
        return quantizer
    raise InputTypeError(
        "a quantizer is a name, a mapping with its name and options, an AbstractQuantizer or None, "
        f"not {type(quantizer).__name__}"
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
    """Raises: UsageError where `value` is not a positive, finite number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise UsageError(f"{option} is {value!r}; give a positive, finite number{hint}")


def changing(value: float) -> Tensor:
    """A number that changes between epochs, as a tensor for a buffer outside the state dict.

    A compiled network would be compiled anew for each value of a plain number. The tensor has
    its value even where the network around it is built on the meta device.
    """
    return torch.tensor(value, dtype=torch.float32, device="cpu")


def require_floating(x: Tensor) -> None:
    """Raises: InputTypeError where x cannot carry a gradient."""
    if not x.is_floating_point():
        raise InputTypeError(f"a quantizer takes floating-point tensors, not {x.dtype}")


def signs_of(x: Tensor) -> Tensor:
    """+1 where x > 0, -1 elsewhere: for 0 of either sign and for NaN too. Without a gradient."""
    # torch.sign gives 0 for 0 and NaN. Three passes of its kind take a third of the time of a
    # comparison, whose result would have to become numbers again.
    return x.detach().sign().sub_(0.5).sign_()
