"""Constants of an ONNX file as tensors of torch. Their sizes are checked first."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor

from signbit.errors import ConvertError, printable
from signbit.format.types import MAX_ELEMENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_AXES = 8
# The dtype of each type that is read, and the field with its numbers where there are no raw bytes.
_TYPES: dict[int, tuple[str, str]] = {
    TensorProto.FLOAT: ("<f4", "float_data"),
    TensorProto.DOUBLE: ("<f8", "double_data"),
    TensorProto.UINT8: ("<u1", "int32_data"),
    TensorProto.INT8: ("<i1", "int32_data"),
    TensorProto.INT32: ("<i4", "int32_data"),
    TensorProto.INT64: ("<i8", "int64_data"),
    TensorProto.BOOL: ("<u1", "int32_data"),
}
DTYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT8: torch.int8,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
}
"""The types that are read, by their numbers in the file."""


def type_name(number: int) -> str:
    """The name of an element's type, such as FLOAT16."""
    try:
        return TensorProto.DataType.Name(number)
    except ValueError:
        return f"type {number}"


def tensor_of(place: str, proto: TensorProto) -> Tensor:
    """The numbers of a constant.

    Raises: ConvertError for numbers that lie in another file, for a type that is not read, and
        where the file has another number of elements than the shape.
    """
    where = f"{place}: constant {printable(proto.name)!r}"
    if proto.data_location != TensorProto.DEFAULT or proto.external_data:
        raise ConvertError(
            f"{where}: its numbers are in another file; save the network in one file, with "
            "onnx.save(onnx.load(PATH), PATH)"
        )
    if proto.data_type not in _TYPES or proto.HasField("segment"):
        known = ", ".join(map(type_name, _TYPES))
        raise ConvertError(
            f"{where}: {type_name(proto.data_type)} cannot be read exactly; known types: {known}"
        )
    shape = tuple(proto.dims)
    if len(shape) > _MOST_AXES or any(size < 0 for size in shape):
        raise ConvertError(f"{where}: its shape is {list(shape)[: _MOST_AXES + 1]}")
    if math.prod(shape) > MAX_ELEMENTS:
        raise ConvertError(f"{where}: shape {list(shape)}; at most {MAX_ELEMENTS} elements")
    array = _elements(where, proto, math.prod(shape))
    if proto.data_type == TensorProto.BOOL:
        array = array != 0
    return torch.from_numpy(array.reshape(shape))


def _elements(where: str, proto: TensorProto, elements: int) -> "NDArray[Any]":
    name, field = _TYPES[proto.data_type]
    dtype = np.dtype(name)
    if proto.HasField("raw_data"):
        size = len(proto.raw_data)
        needed = elements * dtype.itemsize
        if size != needed:
            raise ConvertError(f"{where}: {elements} elements need {needed} bytes, it has {size}")
        return np.frombuffer(proto.raw_data, dtype).astype(dtype.newbyteorder("="))
    numbers = getattr(proto, field)
    if len(numbers) != elements:
        raise ConvertError(f"{where}: its shape needs {elements} numbers, it has {len(numbers)}")
    wide = np.fromiter(numbers, np.int64 if dtype.kind in "iu" else np.float64, elements)
    array = wide.astype(dtype.newbyteorder("="))
    if dtype.kind in "iu" and not np.array_equal(wide, array):
        raise ConvertError(f"{where}: it has numbers that {dtype.name} cannot hold")
    return array
