"""Read trained networks of other tools. Each format is a package here."""

from signbit.importers._interface import Given, Importer, importers
from signbit.importers._read import read

__all__ = ["Given", "Importer", "importers", "read"]
