"""From a trained torch module to a packed network, exactly."""

from signbit.pack._pack import pack

__all__ = ["pack"]
