"""What a model needs to be run, apart from its code."""

from signbit.format.packed import PackedModel
from signbit.format.preprocessing import Preprocessing
from signbit.format.types import Node, ValueType

__all__ = ["Node", "PackedModel", "Preprocessing", "ValueType"]
