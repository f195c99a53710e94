"""The interface of a quantizer, its registry, and what all of them share."""

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, overload

import torch
from torch import Tensor, nn

from signbit.errors import InputTypeError, UsageError
from signbit.registry import Registry

quantizers: Registry[type["AbstractQuantizer"]] = Registry("quantizer", "signbit.quantizers")


class AbstractQuantizer(nn.Module, ABC):
    """Maps a real tensor to few values forwards, with a pseudo-gradient backwards.

    `binary` says whether every output is -1 or +1, so that it packs into one bit.
    """

    binary: ClassVar[bool] = True

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Quantize `x`; shape, dtype and device stay."""

    def set_progress(self, progress: float) -> None:
        """How much of the training is over, 0 to 1; for quantizers that change with it."""


@overload
def create(quantizer: str | AbstractQuantizer, **options: Any) -> AbstractQuantizer: ...
@overload
def create(quantizer: None, **options: Any) -> None: ...
@overload
def create(
    quantizer: str | AbstractQuantizer | None, **options: Any
) -> AbstractQuantizer | None: ...
def create(quantizer: str | AbstractQuantizer | None, **options: Any) -> AbstractQuantizer | None:
    """A quantizer from its name and options; an object or None is returned as it is.

    Raises: UsageError for an unknown name or option, InputTypeError for anything else.
    """
    if isinstance(quantizer, str):
        return quantizers.build(quantizer, options)
    if options:
        raise UsageError(
            f"options {sorted(options)} go with the name of a quantizer, not an object"
        )
    if quantizer is None or isinstance(quantizer, AbstractQuantizer):
        return quantizer
    raise InputTypeError(
        f"a quantizer is a name, an AbstractQuantizer or None, not {type(quantizer).__name__}"
    )


def set_progress(model: nn.Module, progress: float) -> None:
    """Tell every quantizer in `model` how much of the training is over, 0 to 1."""
    for module in model.modules():
        if isinstance(module, AbstractQuantizer):
            module.set_progress(progress)


def check_positive(option: str, value: Any, hint: str = "") -> None:
    """Raises: UsageError where `value` is not a positive, finite number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise UsageError(f"{option} is {value!r}; give a positive, finite number{hint}")


def require_floating(x: Tensor) -> None:
    """Raises: InputTypeError where x cannot carry a gradient."""
    if not x.is_floating_point():
        raise InputTypeError(f"a quantizer takes floating-point tensors, not {x.dtype}")


def to_signs(bits: Tensor, dtype: torch.dtype) -> Tensor:
    """+1 where a bit is set, -1 elsewhere."""
    return bits.to(dtype) * 2 - 1
