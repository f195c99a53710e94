"""Read trained networks of other tools. Each format is a module; none of them needs torch."""

from signbit.importers._interface import Importer, importers
from signbit.importers._read import read

__all__ = ["Importer", "importers", "read"]
