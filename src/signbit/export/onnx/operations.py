"""The operations that standard ONNX expresses."""

from signbit.export._onnx.operators import OPERATORS

OPERATIONS = tuple(OPERATORS)
