"""Numbers as 8-bit codes. A code stands for the number scale * code + bias."""

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
    """The code that is nearest to each value.

    code = (value - bias) / scale, computed in float64 and rounded. A value halfway between two
    codes becomes the even code.

    values: real numbers, (N, *shape of the input), channels last.
    one: an input of kind u8, such as the result of `Input.fixed_point`, or `engine.inputs[0]`.
    out_of_range: what happens to a value that is more than half a step outside of the codes: "clip"
        makes it the first or last code, "error" refuses it.

    Shape:  the same as values.
    Range:  0 to 255.
    Raises: InputTypeError for values that are not real numbers; UsageError for NaN, another shape
        or input, a scale of 0, and with "error" for a value out of range.
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
            f"values: {array[place]} at {place} is out of range; input {one.name!r} has codes for "
            f"{ends[0]} to {ends[-1]}"
        )
    return codes.clip(0, MOST).astype(np.uint8)


def nearest_codes(values: NDArray[Any], one: Input) -> NDArray[np.float64]:
    """The whole numbers that are nearest to (value - bias) / scale, also below 0 and above 255.

    If a scale is 0, all codes stand for the same number, and the result is 0.
    """
    scale, bias = np.array(one.scale), np.array(one.bias)
    with np.errstate(over="ignore"):  # a large number becomes infinity, which is out of range
        return np.rint((values.astype(np.float64) - bias) / np.where(scale == 0, np.inf, scale))


def from_fixed_point(codes: NDArray[np.uint8], one: Input) -> NDArray[np.float32]:
    """The numbers that codes stand for: float32(scale * code) + bias, as a network computes them.

    codes: uint8, (N, *shape of the input), channels last.
    one: an input of kind u8.

    Shape:  the same as codes.
    Raises: InputTypeError for other types than uint8; UsageError for another shape or input, and
        for a scale of 0.
    """
    _require_codes(one)
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8:
        raise InputTypeError(f"codes: {getattr(codes, 'dtype', type(codes).__name__)}; give uint8")
    _require_shape("codes", codes, one)
    scale, bias = np.array(one.scale, np.float32), np.array(one.bias, np.float32)
    return codes.astype(np.float32) * scale + bias


def fixed_point_grid(training_values: Any, power_of_two: bool = True) -> tuple[float, float]:
    """The step and the lowest number of a grid that covers the values, for `Input.fixed_point`.

    The lowest number is a multiple of the step, so that a first layer with binary weights can
    compute on the codes in integers. For this, the values must not be far from 0: at most 65535
    steps.

    training_values: real numbers of any shape.
    power_of_two: whether the step is a power of two. All numbers of the grid are then exact, and
        neither torch nor the packed network rounds them. With False, the step is smaller, down to
        half.

    Returns (step, lowest).

    Raises: InputTypeError for values that are not real numbers; UsageError for no values, for NaN
        and infinities, where all values are equal, and where float32 cannot hold the numbers of the
        grid.
    """
    values = real_numbers("training values", training_values)
    if not values.size or not np.isfinite(values).all():
        raise UsageError("training values: none, or infinite ones; give one or more finite numbers")
    low, high = float(values.min()), float(values.max())
    # One step is left over, because `lowest` is rounded down.
    step = high / (MOST - 1) - low / (MOST - 1)
    if step == 0:
        raise UsageError(f"training values: all are {low}; a grid needs two different ones")
    if power_of_two:
        step = float(2.0 ** np.ceil(np.log2(step)))
    if step < _SMALLEST or max(abs(low), abs(high)) + step > _LARGEST:
        raise UsageError(
            f"training values from {low:g} to {high:g} need a step of {step:g}, and float32 cannot "
            "hold the numbers of that grid; scale the values"
        )
    return step, float(np.floor(low / step) * step)


def _ends(one: Input) -> NDArray[np.uint8]:
    """Two samples: one of the first code, and one of the last."""
    codes = np.zeros((2, *one.shape), np.uint8)
    codes[1] = MOST
    return codes


def _require_codes(one: Input) -> None:
    if one.kind != U8:
        raise UsageError(f"input {one.name!r} is {one.kind}; codes are only for inputs of kind u8")
    if 0 in one.scale:
        raise UsageError(
            f"input {one.name!r}: with a scale of 0, all codes stand for the same number; give "
            "another scale"
        )


def _require_shape(what: str, array: NDArray[Any], one: Input) -> None:
    if array.ndim == 0 or array.shape[1:] != tuple(one.shape):
        wanted = ", ".join(["N", *map(str, one.shape)])
        raise UsageError(
            f"{what}: shape {array.shape}; input {one.name!r} needs ({wanted}), channels last"
        )
