"""The exporter to a torch module: plain Python source, and safetensors next to it."""

from signbit.export.torch.exporter import to_module, torch

__all__ = ["to_module", "torch"]
