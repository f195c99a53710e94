"""Turn a trained torch module into a packed network, exactly."""

from signbit.pack._outputs import OutputSpec
from signbit.pack._pack import pack
from signbit.scoring.temperature import calibrated

__all__ = ["OutputSpec", "calibrated", "pack"]
