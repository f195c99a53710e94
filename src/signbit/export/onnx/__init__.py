"""The exporter to ONNX with standard operators, for any runtime."""

from signbit.export.onnx.exporter import onnx, to_proto

__all__ = ["onnx", "to_proto"]
