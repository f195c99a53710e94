"""Turn a trained torch module into a packed network, exactly."""

from signbit.pack._outputs import OutputSpec
from signbit.pack._pack import pack

__all__ = ["OutputSpec", "pack"]
