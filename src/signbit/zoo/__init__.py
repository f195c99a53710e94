"""Trained networks that come with the package, each with its card; needs no torch."""

from signbit.zoo._card import Card
from signbit.zoo._load import card, load, names, read

__all__ = ["Card", "card", "load", "names", "read"]
