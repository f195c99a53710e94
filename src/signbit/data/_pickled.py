"""Read pickles of plain data and NumPy arrays, without running code that they name."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import DataError, printable
from signbit.pickles import DATA_STEPS, Budget, Dialect, Name, PickleError, read_pickle

_MOST_SHOWN = 80
_MAX_DIMENSIONS = 4
_INTEGERS = re.compile(r"[iu][1248]")
_PROTOCOLS = b"\2\3\4\5"


def read_pickled(content: bytes, place: str, most_steps: int) -> dict[str, Any]:
    """The dict in a pickle of protocol 2 to 5. Strings of Python 2 are bytes.

    The keys are text, also where the file has bytes. NumPy arrays of integers are read-only views
    of the bytes of the file. The file decides which type of value a key has. Memory and time are
    bounded by the size of the file and by `most_steps`. Nothing is run or imported.

    place: the name of the file, for messages.
    most_steps: the largest allowed number of pickle instructions.

    Raises: DataError for anything else, naming what the file asks for.
    """
    # An empty slice is `in` any bytes: a file that ends here is reported as cut off below.
    if content[:1] not in b"\x80" or content[1:2] not in _PROTOCOLS:
        raise DataError(f"{place}: not a pickle of protocol 2 to 5")
    try:
        result, _ = read_pickle(content, _dialect(Budget(len(content))), most_steps)
        if not isinstance(result, dict):
            raise PickleError(f"holds a {type(result).__name__} instead of a dict")
        return {_text_of(key): value for key, value in result.items()}
    except PickleError as refusal:
        raise DataError(f"{place}: {refusal}") from None
    except EOFError as error:
        raise DataError(f"{place}: {error}; get it from its source again") from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{place}: damaged pickle; get it from its source again") from error


@dataclass
class _Type:
    """An integer type. `text` includes the byte order after the state was set."""

    text: str


@dataclass
class _Array:
    """An array. Its values are None until the state is set."""

    values: NDArray[Any] | None = None


def _dialect(budget: Budget) -> Dialect:
    def encode(text: str, encoding: str) -> bytes:
        """Bytes, which Python 3 writes as text in protocol 2."""
        budget.spend(len(text))
        if encoding != "latin1":
            raise ValueError("Python does not use this encoding for bytes")
        return text.encode("latin-1")

    functions: dict[str, Any] = {
        "numpy.ndarray": None,
        "numpy.dtype": _type_named,
        "_codecs.encode": encode,
    }
    for core in ("numpy.core", "numpy._core"):  # NumPy 2 renamed its modules
        functions[f"{core}.multiarray._reconstruct"] = lambda *_: _Array()
        functions[f"{core}.numeric._frombuffer"] = _from_buffer
    return Dialect(DATA_STEPS, "bytes", functions, set_state=_set_state, stored=_plain)


def _plain(value: Any) -> Any:
    """The values of an array; other data unchanged. Raises: PickleError for a part of an array."""
    if isinstance(value, _Array) and value.values is not None:
        return value.values
    if isinstance(value, (_Array, Name, _Type)):
        raise PickleError("has a part of an array instead of data")
    return value


def _text_of(value: Any) -> str:
    """Text that Python 2 or Python 3 wrote. Raises: TypeError for anything else."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise TypeError
    return value


def _type_named(name: Any, *_: Any) -> _Type:
    """An integer type. Raises: PickleError for any other."""
    text = _text_of(name)
    if not _INTEGERS.fullmatch(text):
        shown = printable(text[:_MOST_SHOWN])
        raise PickleError(f"has an array of type {shown!r}; only integers are allowed")
    return _Type(text)


def _set_state(target: Any, state: Any) -> None:
    """Complete a type or an array with the state that NumPy wrote."""
    if isinstance(target, _Type):
        order = _text_of(state[1])
        if order not in ("<", ">", "|"):
            raise ValueError
        target.text = order + target.text[-2:]
    elif isinstance(target, _Array):
        _, shape, kind, by_columns, content = state
        target.values = _array_of(content, kind, shape, by_columns=bool(by_columns))
    else:
        raise PickleError(f"sets the state of a {type(target).__name__}; nothing was run")


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any) -> _Array:
    return _Array(_array_of(content, kind, shape, by_columns=order == "F"))


def _array_of(content: Any, kind: Any, shape: Any, *, by_columns: bool) -> NDArray[Any]:
    """An array that is a view of these bytes. Raises: ValueError, PickleError."""
    if not isinstance(kind, _Type) or not isinstance(content, bytes):
        raise PickleError("has an array that is not made of bytes; only integers are allowed")
    if not isinstance(shape, tuple) or not 1 <= len(shape) <= _MAX_DIMENSIONS:
        raise ValueError
    if not all(type(side) is int and 1 <= side <= len(content) for side in shape):
        raise ValueError
    needed = math.prod(shape) * int(kind.text[-1])
    if needed != len(content):
        raise PickleError(
            f"has an array of shape {shape} that needs {needed} bytes, but has {len(content)}"
        )
    flat = np.frombuffer(content, np.dtype(kind.text))
    return flat.reshape(shape, order="F" if by_columns else "C")
