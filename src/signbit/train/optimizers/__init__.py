"""Optimizers. A recipe names the optimizer that it uses."""

from signbit.train.optimizers._base import (
    AbstractOptimizer,
    AbstractRealOptimizer,
    any_of,
    optimizers,
)
from signbit.train.optimizers._groups import Group, build_optimizers

__all__ = [
    "AbstractOptimizer",
    "AbstractRealOptimizer",
    "Group",
    "any_of",
    "build_optimizers",
    "optimizers",
]
