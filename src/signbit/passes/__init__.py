"""Rewrites of a packed network: each takes one and returns another.

Those that are registered keep every score; `tests/passes` holds each to that.
"""

from collections.abc import Callable

from signbit.format import PackedModel
from signbit.registry import Registry

Pass = Callable[[PackedModel], PackedModel]

passes: Registry[Pass] = Registry("pass", "signbit.passes")

__all__ = ["Pass", "passes"]
