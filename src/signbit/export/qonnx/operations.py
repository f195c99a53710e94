"""The operations that QONNX expresses: those of standard ONNX."""

from signbit.export._onnx.operators import OPERATORS

OPERATIONS = tuple(OPERATORS)
