"""Packed networks: the graph, its inputs and outputs, and the `.signbit` file. Needs no torch."""

from signbit.format.packed import PackedModel
from signbit.format.preprocessing import Preprocessing
from signbit.format.signature import Input, Output, Signature
from signbit.format.types import Node, ValueType

__all__ = ["Input", "Node", "Output", "PackedModel", "Preprocessing", "Signature", "ValueType"]
