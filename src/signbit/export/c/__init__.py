"""The exporter to C99 without dependencies, with a program that checks the result."""

from signbit.export.c.exporter import c

__all__ = ["c"]
