"""Checks of the arrays that are encoded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import InputTypeError, UsageError


def as_array(what: str, values: Any) -> NDArray[Any]:
    """The values as an array. Raises: UsageError for rows of different lengths, masked values."""
    if np.ma.is_masked(values):
        raise UsageError(f"{what}: some values are masked; fill or drop them")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise UsageError(f"{what}: rows of different lengths; give (N, ..., features)") from error


def real_numbers(what: str, values: Any) -> NDArray[Any]:
    """The values as an array of real numbers, unchanged. Infinities are allowed.

    Raises: InputTypeError for another type; UsageError for NaN, with its place.
    """
    array = as_array(what, values)
    if array.dtype.kind not in "iuf":
        raise InputTypeError(f"{what}: {array.dtype}; give real numbers")
    if array.dtype.kind == "f" and np.isnan(array).any():
        place = tuple(np.argwhere(np.isnan(array))[0].tolist())
        raise UsageError(
            f"{what}: NaN at {place}, which cannot be compared with a number; fill or drop it"
        )
    return array


def samples(what: str, values: Any) -> NDArray[np.float32]:
    """float32 numbers of shape (N, ..., features).

    Raises: the errors of `real_numbers`; UsageError for another shape.
    """
    array = real_numbers(what, values)
    if array.ndim < 2 or not array.shape[-1]:
        raise UsageError(f"{what}: shape {array.shape}; give (N, ..., features)")
    with np.errstate(over="ignore"):  # a large number becomes infinity, which compares the same way
        return array.astype(np.float32)


def training_samples(values: Any, levels: Any, most_levels: int) -> NDArray[np.float32]:
    """Finite numbers, (N, features), from which `levels` thresholds of each feature are found.

    Raises: the errors of `samples`; UsageError for no samples, infinities, and a wrong number of
        levels.
    """
    if type(levels) is not int or not 1 <= levels <= most_levels:
        raise UsageError(f"levels is {levels!r}; give a whole number, 1 to {most_levels}")
    array = samples("training values", values)
    if not array.size:
        raise UsageError("training values: no samples; give one or more")
    if not np.isfinite(array).all():
        place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise UsageError(
            f"training values: the value at {place} is not finite in float32; clip or drop it"
        )
    return array.reshape(-1, array.shape[-1])
