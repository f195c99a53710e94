"""The exporter to NumPy's files: one .npy for each array, or one .npz for all."""

from signbit.export.npz.exporter import npz

__all__ = ["npz"]
