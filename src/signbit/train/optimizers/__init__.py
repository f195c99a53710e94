"""Optimizers, one file each, found by the name that a recipe gives."""

from signbit.train.optimizers._base import (
    AbstractOptimizer,
    AbstractRealOptimizer,
    any_of,
    optimizers,
)
from signbit.train.optimizers._groups import build_optimizers

__all__ = [
    "AbstractOptimizer",
    "AbstractRealOptimizer",
    "any_of",
    "build_optimizers",
    "optimizers",
]
