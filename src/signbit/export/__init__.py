"""Hand a network's parameters to other tools, one file per format; needs no torch."""

from signbit.export._folder import export
from signbit.export._types import Parameters, exporters

__all__ = ["Parameters", "export", "exporters"]
