"""Categories as bits: one bit for each category, which is set if the value is that category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from signbit.encode._arrays import as_array
from signbit.errors import InputTypeError, UsageError
from signbit.format.checks import one_line_names
from signbit.format.types import MAX_CHANNELS, shown

Unknown = Literal["error", "zeros"]
UNKNOWN = ("error", "zeros")


@dataclass(frozen=True)
class OneHot:
    """One bit for each category of each feature, which is set if the value is that category.

    The bits of feature 0 come first, in the order of its categories.

    categories: the categories of each feature. All are text, or all are whole numbers of 64 bits.
    unknown: what happens to a value that is not a category: "error" refuses it, "zeros" sets no bit
        of the feature.

    Raises: UsageError where a feature has no category or two equal ones, and for categories of
        other types.
    """

    categories: Sequence[Sequence[str | int]]
    unknown: Unknown = "error"
    kind: ClassVar[str] = "one_hot"

    def __post_init__(self):
        if self.unknown not in UNKNOWN:
            raise UsageError(f"unknown is {shown(self.unknown)}; give {' or '.join(UNKNOWN)}")
        listed = isinstance(self.categories, list | tuple) and len(self.categories) > 0
        if not listed or not all(isinstance(one, list | tuple) and one for one in self.categories):
            raise UsageError("categories: give a list of one or more for each feature")
        if sum(map(len, self.categories)) > MAX_CHANNELS:
            raise UsageError(f"categories: give at most {MAX_CHANNELS} for all features together")
        kinds = {type(one) for feature in self.categories for one in feature}
        if kinds not in ({str}, {int}):
            raise UsageError("categories: give text for all features, or whole numbers for all")
        for number, feature in enumerate(self.categories):
            _check_distinct(f"feature {number}", feature)
        object.__setattr__(self, "categories", tuple(map(tuple, self.categories)))

    @classmethod
    def fit(cls, training_values: Any, unknown: Unknown = "error") -> "OneHot":
        """Make an encoder whose categories are the distinct training values, sorted.

        training_values: (N, ..., features) text or whole numbers.
        unknown: as in the class.

        Raises: InputTypeError for another type; UsageError for another rank, and for no samples.
        """
        values = _values("training values", training_values)
        if not values.size:
            raise UsageError("training values: no samples; give one or more")
        columns = values.reshape(-1, values.shape[-1]).T
        return cls([np.unique(column).tolist() for column in columns], unknown)

    @property
    def channels(self) -> int:
        """Number of bits of a sample, or of one position of a sequence or map."""
        return sum(map(len, self.categories))

    def __call__(self, values: Any) -> NDArray[np.bool_]:
        """The bits of some values.

        Shape:  values (N, ..., features), result (N, ..., channels) bool.
        Raises: InputTypeError for another type; UsageError for another number of features, and
            for a value that is not a category, unless `unknown` is "zeros".
        """
        array = _values("values", values)
        if array.shape[-1] != len(self.categories):
            raise UsageError(
                f"values have {array.shape[-1]} features, but the categories are for "
                f"{len(self.categories)}; give as many features"
            )
        if (array.dtype.kind == "U") != isinstance(self.categories[0][0], str):
            wanted = "text" if isinstance(self.categories[0][0], str) else "whole numbers"
            raise InputTypeError(f"values: {array.dtype}; give {wanted}, as the categories are")
        bits = [self._feature(number, array[..., number]) for number in range(array.shape[-1])]
        return np.concatenate(bits, axis=-1)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, text and numbers, for JSON."""
        categories = [list(feature) for feature in self.categories]
        return {"kind": self.kind, "categories": categories, "unknown": self.unknown}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "OneHot":
        """The inverse of `to_dict`. Raises: UsageError for other values than those of `to_dict`."""
        return cls(fields["categories"], fields["unknown"])

    def _feature(self, number: int, column: NDArray[Any]) -> NDArray[np.bool_]:
        bits = column[..., None] == np.array(self.categories[number])
        known = bits.any(axis=-1)
        if self.unknown == "error" and not known.all():
            raise UsageError(
                f"feature {number}: {shown(column[~known].flat[0].item())} is not one of its "
                'categories; with unknown="zeros" such a value sets no bit'
            )
        return bits


def _check_distinct(place: str, categories: Sequence[Any]) -> None:
    if isinstance(categories[0], str):
        one_line_names(place, "categories", categories)
    elif len(set(categories)) < len(categories):
        raise UsageError(f"{place}: two categories are the same; give each once")
    elif not all(-1 << 63 <= one < 1 << 63 for one in categories):
        raise UsageError(f"{place}: a category has more than 64 bits; give a smaller number")


def _values(what: str, values: Any) -> NDArray[Any]:
    """Text or whole numbers of shape (N, ..., features)."""
    array = as_array(what, values)
    if array.dtype.kind in "OT":
        # pandas has such columns. Text of any length can only be converted through objects.
        array = array.astype(object)
        kinds = {type(one) for one in array.flat}
        if kinds <= {str}:
            array = array.astype(str)
        elif kinds <= {int}:
            array = _whole(what, array)
    if array.dtype.kind not in "iuU":
        raise InputTypeError(f"{what}: {array.dtype}; give text or whole numbers")
    if array.ndim < 2 or not array.shape[-1]:
        raise UsageError(f"{what}: shape {array.shape}; give (N, ..., features)")
    return array


def _whole(what: str, array: NDArray[Any]) -> NDArray[np.int64]:
    try:
        return array.astype(np.int64)
    except OverflowError as error:
        raise UsageError(
            f"{what}: a number has more than 64 bits; give a smaller number"
        ) from error
