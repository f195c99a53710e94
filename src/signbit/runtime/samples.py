"""The arrays that a network reads and returns: their checks, and the order of their axes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from signbit.errors import InputTypeError, UsageError, unknown_name
from signbit.format import Input, PackedModel, ValueType
from signbit.format.bits import has_tail_bits, pack_bits, unpack_bits, words_for
from signbit.format.types import BITS, F32, I32, U8, shown

Array = NDArray[Any]
# What a network accepts: an array, or arrays by the names of inputs.
Samples = Array | Mapping[str, Array]
# The order of the axes after the samples: "file" has channels last, "torch" has them first.
Layout = Literal["file", "torch"]
LAYOUTS = ("file", "torch")
DTYPES = {U8: np.dtype(np.uint8), F32: np.dtype(np.float32), BITS: np.dtype(bool)}
_VALUE_DTYPES = {**DTYPES, I32: np.dtype(np.int32)}


def require_layout(layout: Any) -> Layout:
    """Check a layout. Raises: UsageError for an unknown one."""
    if layout not in LAYOUTS:
        raise UsageError(f"layout is {shown(layout)}; give 'file' or 'torch'")
    return layout


def checked_inputs(model: PackedModel, given: Any, layout: Layout = "file") -> list[Array]:
    """An array for each input, (N, *shape), channels last. Bits are bool, or words as given.

    given: one array for a network with one input, or a mapping from the names of inputs to arrays.

    Raises: InputTypeError for another type. UsageError for another shape, a missing or unknown
        name, no sample, or NaN. Each names the input.
    """
    by_name = _by_name(model.inputs, given)
    arrays = [_checked(one, by_name[one.name], layout) for one in model.inputs]
    for one, array in zip(model.inputs, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise UsageError(
                f"input {one.name!r} has {len(array)} samples, but {model.inputs[0].name!r} has "
                f"{len(arrays[0])}; give the same number of each"
            )
    return arrays


def checked_numbers(pixels: Input, given: Any) -> Array:
    """float32 numbers for an input of pixels. Raises: as `checked_inputs`."""
    return _checked(replace(pixels, kind=F32, scale=(), bias=()), given, "file")


def as_words(one: Input, array: Array) -> Array:
    """An array of `checked_inputs` in the form of the engine: bits in words."""
    return pack_bits(array) if one.kind == BITS and array.dtype == bool else array


def empty_values(value: ValueType, count: int) -> Array:
    """Memory for a value of `count` samples, (count, H, W, C), with bits in words."""
    if value.kind == BITS:
        return np.empty((count, value.height, value.width, words_for(value.channels)), np.uint64)
    return np.empty((count, *value[1:]), _VALUE_DTYPES[value.kind])


def as_output(array: Array, value: ValueType, rank: int) -> Array:
    """The filled memory of `empty_values`, as the array of an output of that rank."""
    if value.kind == BITS:
        array = unpack_bits(array, value.channels)
    return array.reshape(len(array), *value_shape(value, rank))


def as_bools(one: Input, array: Array) -> Array:
    """An array of `checked_inputs` with an element per value: bits are bool."""
    return unpack_bits(array, one.shape[-1]) if array.dtype == np.uint64 else array


def value_shape(value: ValueType, rank: int) -> tuple[int, ...]:
    """The shape of one sample of a value as an array of `rank` axes, channels last."""
    return (value.height, value.width, value.channels)[3 - rank :]


def in_layout(array: Array, layout: Layout) -> Array:
    """An array with channels last, in the order of the layout."""
    if layout == "file" or array.ndim < 3:
        return array
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def _by_name(inputs: Sequence[Input], given: Any) -> Mapping[str, Any]:
    names = [one.name for one in inputs]
    if not isinstance(given, Mapping):
        if len(inputs) > 1:
            raise InputTypeError(
                f"the network has several inputs; give a dict of arrays: {', '.join(names)}"
            )
        return {names[0]: given}
    for name in given:
        if name not in names:
            raise unknown_name("input", str(name), names)
    missing = [name for name in names if name not in given]
    if missing:
        raise UsageError(f"input {missing[0]!r} is missing; the network needs {', '.join(names)}")
    return given


def _checked(one: Input, array: Any, layout: Layout) -> Array:
    if not isinstance(array, np.ndarray):
        kind = type(array).__name__
        raise InputTypeError(
            f"input {one.name!r} is {kind}; the network accepts {_wanted(one, layout)}"
        )
    array = np.asarray(array)  # of a masked array, what is behind the mask too
    words = one.kind == BITS and array.dtype == np.uint64 and layout == "file"
    if array.dtype != DTYPES[one.kind] and not words:
        raise InputTypeError(
            f"input {one.name!r} is {array.dtype}; the network accepts {_wanted(one, layout)}"
        )
    shape = _words_shape(one) if words else _layout_shape(one, layout)
    if array.shape[1:] != shape or array.ndim == 0:
        raise UsageError(
            f"input {one.name!r} has the shape {array.shape}; the network accepts "
            f"{_wanted(one, layout)}"
        )
    if not len(array):
        raise UsageError(f"input {one.name!r} holds no sample; give one or more")
    if layout == "torch" and array.ndim > 2:
        array = np.moveaxis(array, 1, -1)
    _check_values(one, array)
    flags = array.flags
    return array if flags.c_contiguous and flags.aligned else np.require(array, None, ["C", "A"])


def _wanted(one: Input, layout: Layout) -> str:
    wanted = f"{DTYPES[one.kind]} of shape {_shown_shape(_layout_shape(one, layout))}"
    if one.kind == BITS and layout == "file":
        wanted += f", or uint64 words of shape {_shown_shape(_words_shape(one))}"
    return wanted


def _check_values(one: Input, array: Array) -> None:
    if one.kind == F32 and np.isnan(array.max()):  # the greatest of numbers with NaN is NaN
        sample, *place = np.argwhere(np.isnan(array))[0].tolist()
        raise UsageError(
            f"input {one.name!r}: sample {sample} holds NaN at {tuple(place)}, which has no sign; "
            "replace it by a number"
        )
    if array.dtype == np.uint64 and has_tail_bits(array, one.shape[-1]):
        raise UsageError(
            f"input {one.name!r}: its words have bits set beyond {one.shape[-1]} channels; clear "
            "them"
        )


def _layout_shape(one: Input, layout: Layout) -> tuple[int, ...]:
    *sides, channels = one.shape
    return tuple(one.shape) if layout == "file" else (channels, *sides)


def _words_shape(one: Input) -> tuple[int, ...]:
    *sides, channels = one.shape
    return (*sides, words_for(channels))


def _shown_shape(shape: Sequence[int]) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"


def random_inputs(model: PackedModel, count: int, seed: int = 0) -> dict[str, Array]:
    """Samples of noise for each input: codes of u8, normal numbers, or bits, half of them +1."""
    generator = np.random.default_rng(seed)
    return {one.name: _random(one, (count, *one.shape), generator) for one in model.inputs}


def _random(one: Input, shape: Sequence[int], generator: np.random.Generator) -> Array:
    if one.kind == U8:
        return generator.integers(0, 256, shape, np.uint8)
    if one.kind == BITS:
        return generator.random(shape) < 0.5
    return generator.standard_normal(shape, np.float32)
