"""Checks of the arrays that are encoded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import InputTypeError, UsageError


def as_array(what: str, values: Any) -> NDArray[Any]:
    """Any values as an array. Raises: UsageError for rows of other lengths, and masked values."""
    if np.ma.is_masked(values):
        raise UsageError(f"{what}: some are masked; fill or drop them")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise UsageError(f"{what}: rows of different lengths; give (N, ..., features)") from error


def real_numbers(what: str, values: Any) -> NDArray[Any]:
    """An array of real numbers, as it is; infinities are allowed.

    Raises: InputTypeError for another type; UsageError for NaN, with its place.
    """
    array = as_array(what, values)
    if array.dtype.kind not in "iuf":
        raise InputTypeError(f"{what}: {array.dtype}; give real numbers")
    if array.dtype.kind == "f" and np.isnan(array).any():
        place = tuple(np.argwhere(np.isnan(array))[0].tolist())
        raise UsageError(f"{what}: NaN at {place}, which compares with no number; fill or drop it")
    return array


def samples(what: str, values: Any) -> NDArray[np.float32]:
    """float32 numbers of shape (N, ..., features). Raises: as `real_numbers`; UsageError."""
    array = real_numbers(what, values)
    if array.ndim < 2 or not array.shape[-1]:
        raise UsageError(f"{what}: shape {array.shape}; give (N, ..., features)")
    with np.errstate(over="ignore"):  # to infinity, which compares as the number itself does
        return array.astype(np.float32)


def training_samples(values: Any, levels: Any, most_levels: int) -> NDArray[np.float32]:
    """Finite numbers, (N, features), to find so many thresholds of each feature from.

    Raises: as `samples`; UsageError for no samples, infinities, and a wrong number of levels.
    """
    if type(levels) is not int or not 1 <= levels <= most_levels:
        raise UsageError(f"levels is {levels!r}; give a whole number, 1 to {most_levels}")
    array = samples("training values", values)
    if not array.size:
        raise UsageError("training values: no samples; give one or more")
    if not np.isfinite(array).all():
        place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise UsageError(f"training values: no finite float32 at {place}; clip or drop it")
    return array.reshape(-1, array.shape[-1])
