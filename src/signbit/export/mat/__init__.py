"""The exporter to MAT files, level 5, with scripts for MATLAB and GNU Octave."""

from signbit.export.mat.exporter import mat

__all__ = ["mat"]
