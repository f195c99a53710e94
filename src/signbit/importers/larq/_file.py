"""The content of a `.tflite` file: tensors and operators, read by TensorFlow Lite's schema.

The reader of flatbuffers follows offsets without checking them, so a damaged file can raise many
kinds of error. Each becomes a ConvertError. Vectors are counted before they are walked through.
"""

import math
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tflite as schema
from numpy.typing import NDArray

from signbit.errors import ConvertError, first_line, printable
from signbit.format.types import MAX_ELEMENTS
from signbit.importers._files import read_file

# A damaged file lacks tables that the types of the package take for granted.
_SCHEMA: Any = schema
# The largest networks of Larq Zoo have 100 MB as float32, and less than 30 MB with bits.
_MOST_BYTES = 1 << 27
_MOST_OPERATORS, _MOST_TENSORS, _MOST_AXES, _MOST_NAMED = 1 << 14, 1 << 16, 8, 1 << 10
_DTYPES = {"FLOAT32": "<f4", "FLOAT16": "<f2", "INT32": "<i4", "INT64": "<i8", "BOOL": "?"}
_DAMAGED = (
    *(struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError, AttributeError),
    *(UnicodeDecodeError, RecursionError, MemoryError),
)


@dataclass(frozen=True)
class Tensor:
    """A value of the file.

    shape: channels last; the first axis of a value that is not a constant is the batch.
    kind: the type of its elements, such as "FLOAT32".
    content: the bytes of a constant; None for a value that an operator computes.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    content: NDArray[np.uint8] | None

    def array(self, place: str) -> NDArray[Any]:
        """The numbers of a constant.  place: the operator that reads it, for messages.

        Raises: ConvertError for a type that is not read, or where the size does not fit.
        """
        dtype = _DTYPES.get(self.kind)
        if dtype is None:
            raise ConvertError(f"{place}: {self.described} has a type that cannot be read exactly")
        elements = math.prod(self.shape)
        size = elements * np.dtype(dtype).itemsize
        if elements > MAX_ELEMENTS or self.content is None or len(self.content) != size:
            held = "no bytes" if self.content is None else f"{len(self.content)} bytes"
            raise ConvertError(f"{place}: {self.described} has {held}; it needs {size}")
        array = self.content.view(dtype).reshape(self.shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ConvertError(f"{place}: {self.described} has numbers that are not finite")
        return array

    @property
    def described(self) -> str:
        """Its name, type and shape, for messages."""
        return f"{printable(self.name)!r} ({self.kind} {list(self.shape)})"


@dataclass(frozen=True)
class Operator:
    """An operator of the file.

    kind: its name in the schema, such as "CONV_2D", or the name of a custom operator.
    inputs, outputs: the numbers of tensors; -1 for an input that is left out.
    table: the table of its options in the schema, or the flexbuffer of a custom operator.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    table: Any


@dataclass(frozen=True)
class Content:
    """The tensors and operators of a file, in its order."""

    tensors: Sequence[Tensor]
    operators: Sequence[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@contextmanager
def damage_named(place: str) -> Iterator[None]:
    """Turn the errors of the reader into a ConvertError."""
    try:
        yield
    except ConvertError:
        raise
    except _DAMAGED as error:
        raise ConvertError(f"{place}: damaged: {first_line(error)}") from error


def read_content(path: Path) -> Content:
    """Read a file. Raises: ConvertError that names the place."""
    content = read_file(path, _MOST_BYTES)
    with damage_named(str(path)):
        return _Reader(str(path), content).content()


class _Reader:
    def __init__(self, place: str, content: bytes):
        self._place = place
        self._model = _SCHEMA.Model.GetRootAs(content, 0)

    def content(self) -> Content:
        if self._count("subgraphs", self._model.SubgraphsLength(), 1 << 10) != 1:
            raise ConvertError(f"{self._place}: more than one subgraph; only one can be read")
        graph = self._model.Subgraphs(0)
        count = self._count("tensors", graph.TensorsLength(), _MOST_TENSORS)
        tensors = [self._tensor(graph.Tensors(number)) for number in range(count)]
        operators = self._count("operators", graph.OperatorsLength(), _MOST_OPERATORS)
        content = Content(
            tensors,
            [self._operator(graph.Operators(number), count) for number in range(operators)],
            self._numbers("inputs", graph.InputsLength(), graph.Inputs, count),
            self._numbers("outputs", graph.OutputsLength(), graph.Outputs, count),
        )
        self._require_one_source(content)
        return content

    def _require_one_source(self, content: Content) -> None:
        """Refuse a value that comes from two places, or from none."""
        made = Counter(content.inputs)
        for operator in content.operators:
            made.update(operator.outputs)
        for number in (*made, *content.outputs):
            if number < 0 or content.tensors[number].content is not None or made[number] != 1:
                raise ConvertError(
                    f"{self._place}: damaged: tensor {number} is not the result of one operator"
                )

    def _count(self, what: str, count: int, most: int) -> int:
        if count > most:
            raise ConvertError(f"{self._place}: {count} {what}; at most {most} are allowed")
        return count

    def _numbers(self, what: str, count: int, at: Any, tensors: int) -> tuple[int, ...]:
        numbers = tuple(at(one) for one in range(self._count(what, count, _MOST_NAMED)))
        if any(not -1 <= number < tensors for number in numbers):
            raise ConvertError(f"{self._place}: damaged: {what} {numbers} of {tensors} tensors")
        return numbers

    def _tensor(self, table: Any) -> Tensor:
        name = (table.Name() or b"").decode("utf-8")
        axes = self._count("axes", table.ShapeLength(), _MOST_AXES)
        shape = tuple(table.Shape(axis) for axis in range(axes))
        kind = _KINDS[table.Type()]
        if min(shape, default=1) < 1:
            raise ConvertError(f"{self._place}: {printable(name)!r} has the shape {list(shape)}")
        if table.Sparsity() is not None or table.IsVariable():
            raise ConvertError(f"{self._place}: {printable(name)!r} is sparse or a variable")
        return Tensor(name, shape, kind, self._bytes(table.Buffer()))

    def _bytes(self, number: int) -> NDArray[np.uint8] | None:
        if number == 0:  # the empty buffer, by the schema
            return None
        if number >= self._model.BuffersLength():
            raise ConvertError(f"{self._place}: damaged: buffer {number}")
        buffer = self._model.Buffers(number)
        if buffer.Offset() > 1:
            raise ConvertError(f"{self._place}: larger than 2 GB, with data behind the flatbuffer")
        return buffer.DataAsNumpy() if buffer.DataLength() else None

    def _operator(self, table: Any, tensors: int) -> Operator:
        code = self._model.OperatorCodes(table.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        kind, options = _BUILTINS[number], None
        if kind == "CUSTOM":
            kind = (code.CustomCode() or b"").decode("utf-8")
            options = table.CustomOptionsAsNumpy().tobytes() if table.CustomOptionsLength() else b""
        elif table.BuiltinOptions() is not None:
            options = getattr(_SCHEMA, _OPTION_TABLES[table.BuiltinOptionsType()])()
            union = table.BuiltinOptions()
            options.Init(union.Bytes, union.Pos)
        inputs = self._numbers("inputs", table.InputsLength(), table.Inputs, tensors)
        outputs = self._numbers("outputs", table.OutputsLength(), table.Outputs, tensors)
        return Operator(kind, inputs, outputs, options)


def _names(enumeration: type) -> Mapping[int, str]:
    """The names of a schema's enumeration, by their numbers."""
    return {number: name for name, number in vars(enumeration).items() if isinstance(number, int)}


_KINDS = _names(schema.TensorType)
_BUILTINS = _names(schema.BuiltinOperator)
_OPTION_TABLES = _names(schema.BuiltinOptions)
