"""The frame of a `.signbit` file, which is that of safetensors. Read within bounds, not copied."""

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signbit.errors import ModelFormatError
from signbit.format.header import read_header

MAX_HEADER = 1 << 24
MAX_DIMENSIONS = 8
_DTYPES = {"U64": "<u8", "I32": "<i4", "F32": "<f4"}
_FIELDS = {"dtype", "shape", "data_offsets"}


class Place(NamedTuple):
    """Where a tensor is in the file, in bytes from its start, with its type and shape."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Frame(NamedTuple):
    """A file's metadata, the places of its tensors, and where its header ends."""

    metadata: Mapping[str, Any]
    tensors: Mapping[str, Place]
    header_end: int


def read_frame(content: bytes) -> Frame:
    """Read the header. The tensors must cover the rest of the file without gaps.

    Raises: ModelFormatError.
    """
    try:
        header = read_header(content, MAX_HEADER)
    except ValueError as error:
        raise _no_frame(str(error)) from error
    places = {name: _place(name, entry, header.end) for name, entry in header.tensors.items()}
    _check_cover(places, header.end, len(content))
    return Frame(header.metadata, places, header.end)


def tensor_at(content: bytes, place: Place) -> NDArray[Any]:
    """A tensor in the memory of the file. It is read-only, and may not be aligned."""
    dtype = np.dtype(place.dtype)
    count = (place.end - place.begin) // dtype.itemsize
    return np.frombuffer(content, dtype, count, place.begin).reshape(place.shape)


def _place(name: str, entry: Any, start: int) -> Place:
    def refuse(reason: str) -> ModelFormatError:
        return ModelFormatError(f"tensor {name[:60]!r} {reason}")

    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise refuse("needs dtype, shape and data_offsets, and nothing else")
    dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        allowed = ", ".join(_DTYPES)
        raise refuse(f"is of type {str(entry['dtype'])[:60]}; {allowed} are allowed")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise refuse("has a shape or offsets that are not sizes")
    if len(shape) > MAX_DIMENSIONS or 0 in shape:
        raise refuse(f"has {len(shape)} dimensions; 0 to {MAX_DIMENSIONS} of 1 or more are allowed")
    begin, end = offsets
    if prod(shape) * np.dtype(dtype).itemsize != end - begin:
        raise refuse("has a size that does not fit its shape")
    return Place(dtype, tuple(shape), start + begin, start + end)


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(one) is int and one >= 0 for one in values)


def _check_cover(places: Mapping[str, Place], start: int, end: int) -> None:
    for name, place in sorted(places.items(), key=lambda item: item[1].begin):
        if place.begin != start:
            raise ModelFormatError(f"tensor {name[:60]!r} does not begin where the last one ends")
        start = place.end
    if start != end:
        raise _no_frame(f"its tensors end at byte {start}, but the file ends at byte {end}")


def _no_frame(reason: str) -> ModelFormatError:
    return ModelFormatError(f"not a .signbit file: {reason}")
