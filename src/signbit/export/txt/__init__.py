"""The exporter to plain numbers in text files."""

from signbit.export.txt.exporter import txt

__all__ = ["txt"]
