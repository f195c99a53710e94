"""What the pickles of a kind of file may contain, and the errors for a pickle that is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from signbit.errors import printable

_MOST_SHOWN = 100


class PickleError(Exception):
    """A pickle asks for something that data does not need.

    what: the end of a sentence that begins with "a pickle that".
    """

    def __init__(self, what: str):
        super().__init__(f"a pickle that {what}")


class ForbiddenError(PickleError):
    """A pickle asks for a function or class that is not among the allowed ones.

    name: its name, shortened and printable.
    """

    def __init__(self, name: str):
        self.name = printable(name[:_MOST_SHOWN])[:_MOST_SHOWN]
        super().__init__(f"asks for {self.name}, which no data needs; nothing was run")


@dataclass(frozen=True)
class Name:
    """Stands for a function or class that a dialect knows. `meaning` is called instead of it."""

    meaning: Any


@dataclass(frozen=True)
class Inert:
    """Stands for a function or class that is allowed but not needed, and for all its results."""

    name: str


class Budget:
    """A limit for how much the functions of a dialect may copy.

    A hostile pickle could copy one value of the memo a million times. A real file holds each part
    that is copied.
    """

    def __init__(self, most: int):
        self.left = most

    def spend(self, count: int) -> None:
        """Count what is copied. Raises: ValueError where it is more than is allowed."""
        self.left -= count
        if self.left < 0:
            raise ValueError("copies with more entries than the file has bytes")


def _none_persistent(identity: Any) -> Any:
    raise ValueError("a persistent id in a plain pickle")


def _no_state(target: Any, state: Any) -> None:
    """Ignore the attributes of an object: no reader needs them."""


@dataclass(frozen=True)
class Dialect:
    """What the pickles of a kind of file may hold in addition to plain values.

    steps: the instructions that they need, `DATA_STEPS` or `ALL_STEPS`.
    strings: the encoding of texts of Python 2, as in `pickle.loads`.
    functions: by name, what is called instead of a function or class, such as
        `collections.OrderedDict`. A value that is not a function may be named, but not called.
    inert: whether another name may be in the pickle. It and all its results become `Inert`.
    persistent: returns the value of a persistent id.
    set_state: completes an object with its state.
    stored: returns what is put into lists and dicts for a value.
    """

    steps: Mapping[bytes, Callable[[Any], object]]
    strings: Literal["bytes", "latin1"] = "latin1"
    functions: Mapping[str, Any] = field(default_factory=dict)
    inert: Callable[[str], bool] = lambda name: False
    persistent: Callable[[Any], Any] = _none_persistent
    set_state: Callable[[Any, Any], None] = _no_state
    stored: Callable[[Any], Any] = lambda value: value
