"""Rewrites of a packed network: each accepts one and returns another.

`passes` lists the registered ones by name. They keep every score; `tests/passes` checks each.
"""

from collections.abc import Callable

from signbit.format import PackedModel
from signbit.registry import Registry

Pass = Callable[[PackedModel], PackedModel]

passes: Registry[Pass] = Registry("pass", "signbit.passes")

__all__ = ["Pass", "passes"]
