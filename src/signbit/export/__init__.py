"""Hand a packed network to other tools, one file per format; needs no torch."""

from signbit.export._arrays import ArrayFormat, export_state
from signbit.export._folder import export
from signbit.export._handover import handover
from signbit.export._types import Golden, Handover, Parameters, exporters

__all__ = [
    "ArrayFormat",
    "Golden",
    "Handover",
    "Parameters",
    "export",
    "export_state",
    "exporters",
    "handover",
]
