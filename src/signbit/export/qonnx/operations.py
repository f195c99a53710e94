"""QONNX expresses the same operations as standard ONNX."""

from signbit.export._onnx.operators import OPERATORS

OPERATIONS = tuple(OPERATORS)
