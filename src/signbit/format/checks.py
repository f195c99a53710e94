"""Checks of values from a file or a caller: fields, numbers per channel, names."""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from signbit.errors import UsageError
from signbit.format.types import shown

MAX_CHANNELS = 4096
# Control characters, halves of surrogate pairs, separators of lines and paragraphs.
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")


def fields_of(
    place: str, values: Any, needed: Sequence[str], allowed: Sequence[str]
) -> dict[str, Any]:
    """A mapping from a file, as a dict.

    Raises: UsageError, which begins with the place, where a field is missing or not known.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{place} is {shown(values)}; give an object")
    for name in values:
        if name not in allowed:
            raise UsageError(f"{place}: unknown field {shown(name)}; known: {', '.join(allowed)}")
    for name in needed:
        if name not in values:
            raise UsageError(f"{place}: field {name!r} is missing")
    return dict(values)


def finite_numbers(place: str, field: str, values: Any) -> tuple[float, ...]:
    """Finite numbers, one per channel. Raises: UsageError, which names place and field."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise UsageError(f"{place}: {field} is {values!r}; give a list, one per channel")
    if not 1 <= len(values) <= MAX_CHANNELS:
        raise UsageError(f"{place}: {field} has {len(values)} entries; give 1 to {MAX_CHANNELS}")
    for value in values:
        if not _is_finite(value):
            raise UsageError(f"{place}: {field} holds {value!r}; give finite numbers")
    return tuple(float(value) for value in values)


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def fits_a_line(name: str) -> bool:
    """Whether a name is text that one line of a terminal or a UTF-8 file can hold."""
    return not any(unicodedata.category(one) in _NO_TEXT for one in name)


def one_line_names(place: str, field: str, names: Any) -> tuple[str, ...]:
    """Distinct names of one line each. Raises: UsageError, which names place and field."""
    listed = isinstance(names, Sequence) and not isinstance(names, str)
    if not listed or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{place}: {field} is {names!r}; give a list of names")
    for name in names:
        if not fits_a_line(name):
            raise UsageError(
                f"{place}: {field} holds {name!r}; give text without control characters"
            )
    if len(set(names)) != len(names):
        raise UsageError(f"{place}: two {field} are the same; give distinct ones")
    return tuple(names)
