"""Examples at the end of a command's help."""

from collections.abc import Callable
from typing import TypeVar

Command = TypeVar("Command", bound=Callable[..., None])
_EXAMPLES = "signbit_examples"


def examples(*lines: str) -> Callable[[Command], Command]:
    """Decorator that gives a command its examples, whole command lines; a test runs each.

    They stand in a folder with `runs/digits`, a run of `digits_binary`; `digits.signbit`, the same
    packed; `pictures`, images of digits; and `net.py` with `net.pth`, a network of other code.
    """

    def add(command: Command) -> Command:
        setattr(command, _EXAMPLES, lines)
        return command

    return add


def examples_of(command: Callable[..., None]) -> tuple[str, ...]:
    """The examples of a command; () where it has none."""
    return getattr(command, _EXAMPLES, ())


def epilog_of(command: Callable[..., None]) -> str | None:
    """The text of the help about the examples."""
    lines = examples_of(command)
    # The mark of a backspace keeps the lines as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)]) if lines else None
