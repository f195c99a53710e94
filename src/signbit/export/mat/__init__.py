"""MAT files, level 5, for MATLAB and GNU Octave, and scripts that run the network on them."""

from signbit.export.mat.exporter import mat

__all__ = ["mat"]
