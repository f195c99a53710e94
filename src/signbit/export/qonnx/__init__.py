"""The exporter to QONNX: ONNX with BipolarQuant on weights and activations, for FINN and hls4ml."""

from signbit.export.qonnx.exporter import qonnx

__all__ = ["qonnx"]
