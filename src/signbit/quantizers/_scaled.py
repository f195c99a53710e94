"""What quantizers share that give signs and a scale of their own."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from signbit.quantizers._base import AbstractQuantizer


class AbstractScaledSign(AbstractQuantizer, ABC):
    """Signs of a weight, times a scale that is computed from that weight."""

    for_weights: ClassVar[bool] = True

    @abstractmethod
    def signs(self, x: Tensor) -> Tensor:
        """-1 and +1, of the type of x."""

    @abstractmethod
    def scale(self, x: Tensor) -> Tensor:
        """Never negative, float32 or better: one number per output channel, or one for all."""

    def forward(self, x: Tensor) -> Tensor:
        """The signs of `x` times its scale."""
        return self.signs(x) * self.scale(x).to(x.dtype)
