"""Examples at the end of a command's help."""

from collections.abc import Callable
from typing import TypeVar

Command = TypeVar("Command", bound=Callable[..., None])
_EXAMPLES = "signbit_examples"


def examples(*lines: str) -> Callable[[Command], Command]:
    """Decorator that adds examples to a command. Each is a whole command line, which a test runs.

    The test runs it in a folder with these files: `runs/digits`, a run of `digits_binary`;
    `digits.signbit`, the same network packed; `pictures`, images of digits; `net.py` and `net.pth`,
    a network from other code and its weights.
    """

    def add(command: Command) -> Command:
        setattr(command, _EXAMPLES, lines)
        return command

    return add


def examples_of(command: Callable[..., None]) -> tuple[str, ...]:
    """The examples of a command; () where it has none."""
    return getattr(command, _EXAMPLES, ())


def epilog_of(command: Callable[..., None]) -> str | None:
    """The last part of a command's help, with its examples; None where it has none."""
    lines = examples_of(command)
    # A line that holds only a backspace makes typer keep the line breaks after it.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)]) if lines else None
