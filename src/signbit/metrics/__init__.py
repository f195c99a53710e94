"""Figures that say how well a network does; those in NumPy need no torch."""

from signbit.metrics.classification import Classification, ClassificationCounter

__all__ = ["Classification", "ClassificationCounter"]
