"""Base classes of quantizers that compute a scale from the weight."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer
from signbit.quantizers._ste import check_clip
from signbit.quantizers.ste_sign import ste_sign


class AbstractScaledSign(AbstractQuantizer, ABC):
    """Signs of a weight, times a scale that is computed from that weight."""

    for_weights: ClassVar[bool] = True

    @abstractmethod
    def signs(self, x: Tensor) -> Tensor:
        """-1 and +1, with the dtype of x."""

    @abstractmethod
    def scale(self, x: Tensor) -> Tensor:
        """Never negative, float32 or better: one number per output channel, or one for all."""

    def forward(self, x: Tensor) -> Tensor:
        """The signs of `x` times its scale."""
        return self.signs(x) * self.scale(x).to(x.dtype)


class AbstractClippedScaledSign(AbstractScaledSign, ABC):
    """A scaled sign whose signs have the clipped identity as their pseudo-gradient.

    clip: the gradient is 0 where |x| is larger; None for no clipping.

    Raises: UsageError if clip is not positive.
    """

    def __init__(self, clip: float | None = 1.0):
        super().__init__()
        check_clip(clip)
        self.clip = clip

    def signs(self, x: Tensor) -> Tensor:
        """-1 and +1."""
        return ste_sign(x, self.clip)

    def extra_repr(self) -> str:
        """The clip value."""
        return f"clip={self.clip}"
