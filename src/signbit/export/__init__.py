"""Write a packed network for other tools. Each format is a package; none of them needs torch."""

from signbit.export._arrays import ArrayFormat, export_state
from signbit.export._interface import ExportRequest, Golden, exporters
from signbit.export._request import make_request
from signbit.export._write_folder import export

__all__ = [
    "ArrayFormat",
    "ExportRequest",
    "Golden",
    "export",
    "export_state",
    "exporters",
    "make_request",
]
