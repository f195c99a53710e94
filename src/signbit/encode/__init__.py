"""Turn numbers and categories into the bits or codes that a network accepts. Needs only NumPy."""

from signbit.encode._file import Encoder, load_encoders, save_encoders
from signbit.encode.fixed_point import fixed_point, fixed_point_grid, from_fixed_point
from signbit.encode.one_hot import OneHot
from signbit.encode.thermometer import (
    Thermometer,
    equal_width_thresholds,
    quantile_thresholds,
    thermometer,
)

__all__ = [
    "Encoder",
    "OneHot",
    "Thermometer",
    "equal_width_thresholds",
    "fixed_point",
    "fixed_point_grid",
    "from_fixed_point",
    "load_encoders",
    "quantile_thresholds",
    "save_encoders",
    "thermometer",
]
