"""From a trained torch module to a packed network, exactly."""

from signbit.pack._pack import pack
from signbit.pack._report import report

__all__ = ["pack", "report"]
