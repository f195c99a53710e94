"""What one kind of file may have in its pickles, and why a pickle is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from signbit.errors import printable

_MOST_SHOWN = 100


class PickleError(Exception):
    """A pickle asks for what data does not need; `what` goes on from "a pickle that"."""

    def __init__(self, what: str):
        super().__init__(f"a pickle that {what}")


class ForbiddenError(PickleError):
    """A pickle asks for a function or class that is not among the allowed ones.

    name: of it, shortened and printable.
    """

    def __init__(self, name: str):
        self.name = printable(name[:_MOST_SHOWN])[:_MOST_SHOWN]
        super().__init__(f"asks for {self.name}, which no data needs; nothing was run")


@dataclass(frozen=True)
class Name:
    """Stands for a function or class that a dialect knows: `meaning` is called in its place."""

    meaning: Any


@dataclass(frozen=True)
class Inert:
    """Stands for a function or class that is allowed, but not needed, and for all that it makes."""

    name: str


class Budget:
    """How much the functions of a dialect may copy.

    One value of the memo could be copied a million times; the file holds each part of a real one.
    """

    def __init__(self, most: int):
        self.left = most

    def spend(self, count: int) -> None:
        """Raises: ValueError once more is copied than is allowed."""
        self.left -= count
        if self.left < 0:
            raise ValueError("copies with more entries than the file has bytes")


def _none_persistent(identity: Any) -> Any:
    raise ValueError("a persistent id in a plain pickle")


def _no_state(target: Any, state: Any) -> None:
    """Attributes of objects say nothing that is asked for."""


@dataclass(frozen=True)
class Dialect:
    """What the pickles of one kind of file may hold besides plain values.

    steps: the instructions that they need, `DATA_STEPS` or `ALL_STEPS`.
    strings: what texts of Python 2 become, as in `pickle.loads`.
    functions: what is called for the functions and classes of these names, such as
        `collections.OrderedDict`; a value that is no function may be named, but not called.
    inert: whether other names may be in the pickle; they and all that they make become `Inert`.
    persistent: the value of a persistent id.
    set_state: completes an object with its state.
    stored: what goes into lists and dicts for a value.
    """

    steps: Mapping[bytes, Callable[[Any], object]]
    strings: Literal["bytes", "latin1"] = "latin1"
    functions: Mapping[str, Any] = field(default_factory=dict)
    inert: Callable[[str], bool] = lambda name: False
    persistent: Callable[[Any], Any] = _none_persistent
    set_state: Callable[[Any, Any], None] = _no_state
    stored: Callable[[Any], Any] = lambda value: value
