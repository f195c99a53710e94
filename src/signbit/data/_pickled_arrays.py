"""What stands for NumPy's names while a pickle is read, and arrays built from their bytes."""

import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from signbit.errors import printable

MOST_SHOWN = 80
_MAX_DIMENSIONS = 4
_INTEGERS = re.compile(r"[iu][1248]")

# What a file may name, by what it stands for. NumPy 2 renamed its modules.
KNOWN = {
    **dict.fromkeys(
        ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"), "array"
    ),
    **dict.fromkeys(
        ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"), "from buffer"
    ),
    "numpy.ndarray": "ndarray",
    "numpy.dtype": "dtype",
    "_codecs.encode": "encode",
}


class RefusalError(Exception):
    """Why a pickle is not read."""


@dataclass(frozen=True)
class Name:
    """What stands for a function or class: inert."""

    meaning: str


@dataclass
class Type:
    """A type of integers; `text` has its byte order once its state has arrived."""

    text: str


@dataclass
class Array:
    """An array; None until its state has arrived."""

    values: NDArray[Any] | None = None


def refuse(reason: str) -> NoReturn:
    """Raises: RefusalError."""
    raise RefusalError(reason)


def plain(value: Any) -> Any:
    """The values of an array, other data as it is. Raises: RefusalError for a part of an array."""
    if isinstance(value, Array) and value.values is not None:
        return value.values
    if isinstance(value, (Array, Name, Type)):
        refuse("a pickle with a part of an array where data belongs")
    return value


def text_of(value: Any) -> str:
    """Text, whether Python 2 wrote it or Python 3. Raises: TypeError for anything else."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise TypeError
    return value


def type_named(name: Any) -> Type:
    """An integer type. Raises: RefusalError for any other."""
    text = text_of(name)
    if not _INTEGERS.fullmatch(text):
        refuse(f"an array of type {printable(text[:MOST_SHOWN])!r}; integers are allowed")
    return Type(text)


def set_state(target: Any, state: Any) -> None:
    """Complete a type or an array with what NumPy wrote as its state."""
    if isinstance(target, Type):
        order = text_of(state[1])
        if order not in ("<", ">", "|"):
            raise ValueError
        target.text = order + target.text[-2:]
    elif isinstance(target, Array):
        _, shape, kind, by_columns, content = state
        target.values = array_of(content, kind, shape, by_columns=bool(by_columns))
    else:
        refuse(f"a pickle that sets the state of a {type(target).__name__}; nothing was run")


def array_of(content: Any, kind: Any, shape: Any, *, by_columns: bool) -> NDArray[Any]:
    """An array of these bytes, none copied. Raises: ValueError, RefusalError."""
    if not isinstance(kind, Type) or not isinstance(content, bytes):
        refuse("an array that is not made of bytes; arrays of integers are allowed")
    if not isinstance(shape, tuple) or not 1 <= len(shape) <= _MAX_DIMENSIONS:
        raise ValueError
    if not all(type(side) is int and 1 <= side <= len(content) for side in shape):
        raise ValueError
    needed = math.prod(shape) * int(kind.text[-1])
    if needed != len(content):
        refuse(f"an array of shape {shape} that needs {needed} bytes and has {len(content)}")
    flat = np.frombuffer(content, np.dtype(kind.text))
    return flat.reshape(shape, order="F" if by_columns else "C")
