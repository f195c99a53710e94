"""The common part of the two ONNX formats."""
