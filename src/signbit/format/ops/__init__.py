"""The operations of a packed network, and the checks of each when a file is read."""

from signbit.format.ops._base import AbstractOperation, operations

__all__ = ["AbstractOperation", "operations"]
