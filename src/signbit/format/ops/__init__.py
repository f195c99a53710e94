"""The operations of a packed network, and what each demands of its file."""

from signbit.format.ops._base import AbstractOperation, operations

__all__ = ["AbstractOperation", "operations"]
