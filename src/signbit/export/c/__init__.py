"""C99 without dependencies, and a program that checks it."""

from signbit.export.c.exporter import c

__all__ = ["c"]
