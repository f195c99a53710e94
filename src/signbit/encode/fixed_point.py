"""Numbers as codes of 8 bits: the number that a code stands for is scale * code + bias."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from signbit.encode._arrays import real_numbers
from signbit.errors import InputTypeError, UsageError
from signbit.format import Input
from signbit.format.types import U8

MOST = 255
_SMALLEST, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
OutOfRange = Literal["clip", "error"]
OUT_OF_RANGE = ("clip", "error")


def fixed_point(values: Any, one: Input, out_of_range: OutOfRange = "clip") -> NDArray[np.uint8]:
    """The nearest code of each value: (value - bias) / scale, computed in float64 and rounded.

    Halfway between two codes, it is the even one.

    values: real numbers, (N, *shape of the input), channels last.
    one: an input of kind u8, such as `Input.fixed_point` gives, or `engine.inputs[0]`.
    out_of_range: of a value that is more than half a step outside of the codes: "clip" for the
        first or last code, or "error".

    Shape:  as values.
    Raises: InputTypeError for what is no real number; UsageError for NaN, another shape or input,
        a scale of 0, and with "error" for a value out of range.
    """
    if out_of_range not in OUT_OF_RANGE:
        raise UsageError(f"out_of_range is {out_of_range!r}; give {' or '.join(OUT_OF_RANGE)}")
    _require_codes(one)
    array = real_numbers("values", values)
    _require_shape("values", array, one)
    codes = nearest_codes(array, one)
    outside = (codes < 0) | (codes > MOST)
    if out_of_range == "error" and outside.any():
        place = tuple(np.argwhere(outside)[0].tolist())
        ends = sorted(from_fixed_point(_ends(one), one)[:, ..., place[-1]].flat)
        raise UsageError(
            f"values: {array[place]} at {place}; input {one.name!r} has codes for "
            f"{ends[0]} to {ends[-1]}"
        )
    return codes.clip(0, MOST).astype(np.uint8)


def nearest_codes(values: NDArray[Any], one: Input) -> NDArray[np.float64]:
    """The whole numbers that are nearest to (value - bias) / scale, below 0 and above 255 too.

    Where a scale is 0, all codes mean one number, and 0 is given.
    """
    scale, bias = np.array(one.scale), np.array(one.bias)
    with np.errstate(over="ignore"):  # to infinity, which is out of range
        return np.rint((values.astype(np.float64) - bias) / np.where(scale == 0, np.inf, scale))


def from_fixed_point(codes: NDArray[np.uint8], one: Input) -> NDArray[np.float32]:
    """The numbers that codes stand for: float32(scale * code) + bias, as a network computes them.

    Shape:  (N, *shape of the input), channels last, as codes.
    Raises: InputTypeError for other types than uint8; UsageError for another shape or input.
    """
    _require_codes(one)
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8:
        raise InputTypeError(f"codes: {getattr(codes, 'dtype', type(codes).__name__)}; give uint8")
    _require_shape("codes", codes, one)
    scale, bias = np.array(one.scale, np.float32), np.array(one.bias, np.float32)
    return codes.astype(np.float32) * scale + bias


def fixed_point_grid(training_values: Any, power_of_two: bool = True) -> tuple[float, float]:
    """Step and lowest number of a grid that covers the values, for `Input.fixed_point`.

    `lowest` is a whole number of steps, so that a first layer with binary weights computes on the
    codes in integers. That takes values that are not far from 0: at most 65535 steps.

    power_of_two: whether the step is one. Then all numbers of the grid are exact, and torch and
        the packed network round nothing. Otherwise the step is up to half as wide.

    Raises: InputTypeError for what is no real number; UsageError for no values, NaN, infinities,
        where all values are equal, and where float32 cannot hold the step.
    """
    values = real_numbers("training values", training_values)
    if not values.size or not np.isfinite(values).all():
        raise UsageError("training values: none, or infinite ones; give finite numbers")
    low, high = float(values.min()), float(values.max())
    # One step is kept for rounding `lowest` down.
    step = high / (MOST - 1) - low / (MOST - 1)
    if step == 0:
        raise UsageError(f"training values: all are {low}; a grid needs two different ones")
    if power_of_two:
        step = float(2.0 ** np.ceil(np.log2(step)))
    if step < _SMALLEST or max(abs(low), abs(high)) + step > _LARGEST:
        raise UsageError(
            f"training values from {low:g} to {high:g} need a step of {step:g}; float32 does not "
            "hold the numbers of that grid; scale the values"
        )
    return step, float(np.floor(low / step) * step)


def _ends(one: Input) -> NDArray[np.uint8]:
    """Two samples: of the first code, and of the last."""
    codes = np.zeros((2, *one.shape), np.uint8)
    codes[1] = MOST
    return codes


def _require_codes(one: Input) -> None:
    if one.kind != U8:
        raise UsageError(f"input {one.name!r} is {one.kind}; codes are for u8 alone")
    if 0 in one.scale:
        raise UsageError(f"input {one.name!r}: a scale of 0 gives all codes one number")


def _require_shape(what: str, array: NDArray[Any], one: Input) -> None:
    if array.ndim == 0 or array.shape[1:] != tuple(one.shape):
        wanted = ", ".join(["N", *map(str, one.shape)])
        raise UsageError(
            f"{what}: shape {array.shape}; input {one.name!r} takes ({wanted}), channels last"
        )
