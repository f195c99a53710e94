"""Turn the values of a user's files into inputs of networks, and into true answers.

Every function has a parameter `place`: a function that turns the index of a value into its name for
messages.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data._synonyms import class_places
from signbit.data._tables import Column
from signbit.encode.fixed_point import nearest_codes
from signbit.errors import DataError
from signbit.format import Input
from signbit.format.types import BITS, U8, shown

# In a map of classes, a pixel with this value is not counted.
NOT_COUNTED = 255

Place = Callable[[tuple[int, ...]], str]
_BOOLS = {"true": 1.0, "false": 0.0}
_MOST_NAMES = 5


def as_numbers(column: Column, place: Place) -> NDArray[Any]:
    """A column as numbers or bool. The texts true and false are 1 and 0.

    Raises: DataError for text that is not a number.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind != "U":
        return column
    numbers = np.empty(len(column))
    for index, text in enumerate(column):
        try:
            numbers[index] = _number(text)
        except ValueError:
            raise DataError(f"{place((index,))}: {shown(text)} is not a number") from None
        except OverflowError:
            raise DataError(f"{place((index,))}: {shown(text)} is too large for a number") from None
    return numbers


def _number(text: str) -> float:
    """Raises: ValueError for text that is not a number, OverflowError for a number too large."""
    word = text.lower()
    if word in _BOOLS:
        return _BOOLS[word]
    # Python would read 2020_01 as 202001.
    if "_" in word:
        raise ValueError
    number = float(word)
    if math.isinf(number) and "inf" not in word:
        raise OverflowError
    return number


class InputEncoder:
    """Turns values into the arrays of one input, piece by piece.

    For an input of kind u8, uint8 arrays are codes. Other numbers are real numbers, and each
    becomes the nearest code, where a code stands for scale * code + bias. A number outside the
    range of the codes becomes the code at that end, and `clipped` counts it. With `codes`, numbers
    of any type are codes.

    For an input of kind f32, values are numbers that float32 can hold.

    For an input of kind bits, values are -1 and +1, or 0 and 1, or bool.
    """

    def __init__(self, one: Input, codes: bool = False):
        self.input = one
        self.clipped = 0
        self._codes = codes
        self._lows: dict[float, str] = {}

    @property
    def codes_by_type(self) -> bool:
        """Whether the type of the values decides if they are codes."""
        return self.input.kind == U8 and not self._codes

    def __call__(self, values: NDArray[Any], place: Place) -> NDArray[Any]:
        """Samples in the form that the engine accepts.

        Shape:  (N, *shape of the input), for the values and the result.
        Raises: DataError for a value that the input does not allow, naming its place.
        """
        if values.dtype.kind not in "biuf":
            raise DataError(f"{place((0,) * values.ndim)}: {values.dtype}; give numbers or bool")
        if values.dtype.kind == "f":
            refuse_first(np.isnan(values), place, lambda index: "NaN; write a number there")
        if self.input.kind == U8:
            return self._to_codes(values, place)
        if self.input.kind == BITS:
            return self._to_bits(values, place)
        return to_float32(values, place)

    def _to_codes(self, values: NDArray[Any], place: Place) -> NDArray[np.uint8]:
        if values.dtype == np.uint8:
            return values
        if self._codes:
            wrong = (values < 0) | (values > 255) | (values != np.floor(values))
            refuse_first(
                wrong, place, lambda index: f"{values[index]}; codes are whole numbers, 0 to 255"
            )
            return values.astype(np.uint8)
        nearest = nearest_codes(values, self.input)
        self.clipped += int(((nearest < 0) | (nearest > 255)).sum())
        return np.clip(nearest, 0, 255).astype(np.uint8)

    def _to_bits(self, values: NDArray[Any], place: Place) -> NDArray[np.bool_]:
        allowed = (values == 1) | (values == 0) | (values == -1)
        refuse_first(
            ~allowed, place, lambda index: f"{values[index]}; bits are -1 and +1, or 0 and 1"
        )
        for low in (0, -1):
            found = np.argwhere(values == low)
            if len(found) and low not in self._lows:
                self._lows[low] = place(tuple(found[0].tolist()))
        if len(self._lows) > 1:
            raise DataError(
                f"{self._lows[-1]} is -1 and {self._lows[0]} is 0; use only one of them for the "
                "low bit"
            )
        return values == 1


def to_float32(values: NDArray[Any], place: Place) -> NDArray[np.float32]:
    """Numbers as float32. Raises: DataError for a finite number that is too large for it."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    wrong = np.isinf(numbers) & np.isfinite(values)
    refuse_first(wrong, place, lambda index: f"{values[index]} is too large for float32")
    return numbers


def to_classes(column: Column, names: Sequence[str], place: Place) -> NDArray[np.int64]:
    """The values as indices into `names`.

    A value is a name. If no name is a whole number, a value may also be an index.

    Shape:  (N,).
    Raises: DataError for any other value.
    """
    texts = [_as_text(value) for value in column]
    places = dict(zip(names, range(len(names)), strict=True))
    others = sorted({text for text in texts if text not in places})
    places |= {
        text: found
        for text, found in zip(others, class_places(others, names), strict=True)
        if found is not None
    }
    if not any(name.isdecimal() for name in names):
        places |= {str(index): index for index in range(len(names))}
    wrong = np.array([text not in places for text in texts], bool)
    more = ", ..." if len(names) > _MOST_NAMES else ""
    known = f"{', '.join(names[:_MOST_NAMES])}{more}"
    refuse_first(
        wrong,
        place,
        lambda index: (
            f"{shown(texts[index[0]])} is not a class; the {len(names)} classes are {known}"
        ),
    )
    return np.array([places[text] for text in texts], np.int64)


def to_class_map(values: NDArray[Any], count: int, place: Place) -> NDArray[np.int64]:
    """Indices of classes; -1 where a place is not counted.

    Shape:  any; the values and the result have the same.
    Raises: DataError for a value that is not a class.
    """
    if values.dtype.kind not in "biu":
        raise DataError(f"{place((0,) * values.ndim)}: {values.dtype}; give whole numbers")
    wrong = (values < 0) | (values >= count)
    also = ""
    if count <= NOT_COUNTED:
        wrong &= values != NOT_COUNTED
        also = f", and {NOT_COUNTED} marks a place that is not counted"
    refuse_first(
        wrong, place, lambda index: f"label {values[index]}; classes go from 0 to {count - 1}{also}"
    )
    labels = values.astype(np.int64)
    return np.where(labels < count, labels, -1)


def to_labels(values: NDArray[Any], place: Place) -> NDArray[np.bool_]:
    """Whether each label is true, from 0 and 1 or bool. Raises: DataError for other values."""
    if values.dtype.kind not in "biuf":
        raise DataError(f"{place((0,) * values.ndim)}: {values.dtype}; give 0 and 1, or bool")
    wrong = (values != 0) & (values != 1)
    refuse_first(wrong, place, lambda index: f"{values[index]}; a label is 0 or 1")
    return values != 0


def to_quantities(values: NDArray[Any], place: Place) -> NDArray[np.float64]:
    """Finite numbers in the range of float32. Raises: DataError for any other value."""
    if values.dtype.kind not in "biuf":
        raise DataError(f"{place((0,) * values.ndim)}: {values.dtype}; give numbers")
    numbers = values.astype(np.float64)
    refuse_first(
        ~np.isfinite(numbers), place, lambda index: f"{values[index]}; give a finite number"
    )
    to_float32(numbers, place)
    return numbers


def refuse_first(
    wrong: NDArray[np.bool_], place: Place, says: Callable[[tuple[int, ...]], str]
) -> None:
    """Raises: DataError for the first index where `wrong` is true, if there is one."""
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0].tolist())
        raise DataError(f"{place(index)}: {says(index)}")


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    number = value.item()
    whole = isinstance(number, float) and number.is_integer()
    return str(int(number) if whole or isinstance(number, bool) else number)
