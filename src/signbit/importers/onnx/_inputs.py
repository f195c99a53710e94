"""The inputs of a file as inputs of a packed network."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from onnx import TensorProto
from torch import Tensor

from signbit.errors import ConvertError, UsageError, printable
from signbit.format import Input
from signbit.format.types import BITS, U8
from signbit.importers._interface import Given
from signbit.importers._pack import identifier
from signbit.importers.onnx._file import Content, Value
from signbit.importers.onnx._tensors import DTYPES, type_name

_TYPES = (TensorProto.FLOAT, TensorProto.UINT8, TensorProto.BOOL)
_AXES = (2, 3, 4)


@dataclass(frozen=True)
class Entry:
    """An input of the file, and what the packed network has for it.

    input: with the shape that torch gets, channels last.
    is_last: whether the file has the channels last, as the pixels in a file of signbit.
    """

    value: Value
    input: Input
    is_last: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample that torch gets, channels first."""
        *sides, channels = self.input.shape
        return (channels, *sides)

    @property
    def type(self) -> torch.dtype:
        """The type in the file."""
        return DTYPES[self.value.type]

    def conversion(self) -> Callable[[Tensor], Tensor] | None:
        """From what torch gets to the value in the file; None where it is the same."""
        sizes, is_truth = sizes_of(self.value), self.type == torch.bool
        if not is_truth and not self.is_last and sizes == self.shape:
            return None

        def convert(x: Tensor) -> Tensor:
            moved = x.movedim(1, -1) if self.is_last else x.reshape(len(x), *sizes)
            return moved > 0 if is_truth else moved

        return convert


def sizes_of(value: Value) -> tuple[int, ...]:
    """The shape of one sample in the file."""
    return tuple(size or 0 for size in value.sizes[1:])


def batch_of(content: Content) -> int | None:
    """The number of samples for which the file was made; None where that is open."""
    for one in content.inputs:
        where = f"{content.place}: input {printable(one.name)!r} {_shown(one)}"
        if one.type not in _TYPES or len(one.sizes) not in _AXES:
            raise ConvertError(
                f"{where}: an input must be {', '.join(map(type_name, _TYPES))}, with 2 to 4 axes, "
                "of which the first is that of the samples"
            )
        if None in one.sizes[1:]:
            raise ConvertError(
                f"{where}: only the number of samples may be open; fix the other sizes, with "
                "onnx.tools.update_model_dims"
            )
    found = {one.sizes[0] for one in content.inputs}
    if len(found) > 1:
        raise ConvertError(f"{content.place}: its inputs have several numbers of samples")
    return found.pop()


def entries_of(content: Content, given: Given) -> list[Entry]:
    """What the caller says about the inputs, or the file itself.

    Raises: ConvertError where both do not fit.
    """
    if given.preprocessing is not None:
        pixels = given.preprocessing
        shape = (*pixels.size, pixels.channels)
        wanted = [Input.pixels("pixels", shape, pixels.scale, pixels.bias, pixels.crop)]
    else:
        wanted = given.inputs
    if wanted is None:
        try:
            return [_own(content, value) for value in content.inputs]
        except UsageError as error:
            raise ConvertError(f"{content.place}: {error}") from error
    if len(wanted) != len(content.inputs):
        names = ", ".join(printable(one.name) for one in content.inputs)
        raise ConvertError(
            f"{content.place}: {len(wanted)} inputs are given, but it has {len(content.inputs)}: "
            f"{names}"
        )
    pairs = zip(content.inputs, wanted, strict=True)
    return [_checked(content, Entry(value, one, is_pixels(content, value))) for value, one in pairs]


def is_pixels(content: Content, value: Value) -> bool:
    """Whether it is the image of a file of `signbit export --to onnx`: channels last."""
    return value.type == TensorProto.UINT8 and len(value.sizes) == 4 and content.is_of_images


def _own(content: Content, value: Value) -> Entry:
    """An input as the file describes it."""
    sizes, name = sizes_of(value), identifier(value.name)
    if is_pixels(content, value):
        return Entry(value, Input.pixels(name, sizes, (1.0,), (0.0,)), True)
    shape = (*sizes[1:], sizes[0])
    if content.is_of_images and len(shape) == 1:
        shape = (1, 1, *shape)
    annotation = content.annotations.get(value.name)
    if value.type == TensorProto.UINT8 or annotation == "UINT8":
        return Entry(value, Input.pixels(name, shape, (1.0,), (0.0,)))
    if value.type == TensorProto.BOOL or annotation == "BIPOLAR":
        return Entry(value, Input.bits(name, shape))
    return Entry(value, Input.numbers(name, shape))


def _checked(content: Content, entry: Entry) -> Entry:
    where = f"{content.place}: input {printable(entry.value.name)!r} {_shown(entry.value)}"
    one, sizes = entry.input, sizes_of(entry.value)
    expected = one.shape if entry.is_last else entry.shape
    is_row = math.prod(one.shape) in (one.shape[-1], math.prod(one.shape[:-1]))
    same = math.prod(sizes) == math.prod(one.shape)
    if tuple(expected) != sizes and (entry.is_last or not (is_row and same)):
        raise ConvertError(f"{where}: the given one is {one}, which has another shape")
    codes = one.kind == U8 and set(one.scale) == {1.0} and set(one.bias) == {0.0}
    if entry.type == torch.uint8 and not codes:
        raise ConvertError(
            f"{where}: it takes pixels as they are; leave out what is given about inputs, or give "
            "u8 with scale 1 and bias 0"
        )
    if entry.type == torch.bool and one.kind != BITS:
        raise ConvertError(f"{where}: it takes truth values; give an input of bits")
    return entry


def _shown(value: Value) -> str:
    sizes: Sequence[Any] = ["N" if size is None else size for size in value.sizes]
    return f"({type_name(value.type)}, [{', '.join(map(str, sizes))}])"


def scaled(entry: Entry, scale: Sequence[float], bias: Sequence[float]) -> Entry:
    """The entry with another scale and bias."""
    return replace(entry, input=replace(entry.input, scale=scale, bias=bias))
