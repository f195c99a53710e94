"""The errors that callers may want to catch. The command line prints each on one line."""

import signal
from collections.abc import Iterable
from difflib import get_close_matches


class SignbitError(Exception):
    """Base class of all errors that this package raises on purpose.

    exit_code: the exit code of the command line after this error: 2 for wrong usage, 1 for a failed
        job, 128 + signal for a job that a signal stopped.
    is_told: whether another process of the same job reports the error to the user.
    """

    exit_code = 1
    is_told = False


class UsageError(SignbitError, ValueError):
    """A name, an option or a value of the caller is not allowed."""

    exit_code = 2


class InputTypeError(SignbitError, TypeError):
    """An argument has the wrong type, or an array or tensor has the wrong dtype."""

    exit_code = 2


class DataError(SignbitError):
    """A data set or a file of samples is missing or damaged, or does not follow its format."""


class CheckpointError(SignbitError):
    """A checkpoint is missing, damaged, or from another architecture."""


class ModelFormatError(SignbitError, ValueError):
    """A `.signbit` file is damaged, or contains something that docs/format.md does not allow."""


class PackError(SignbitError, ValueError):
    """A network cannot be packed exactly; the message names the module and the reason."""


class AdoptError(SignbitError, ValueError):
    """A module of other code follows no rule that we know; the message names the nearest rule."""


class ConvertError(SignbitError, ValueError):
    """A network of another tool cannot be read, or not exactly; the message names the part."""


class ExportError(SignbitError, ValueError):
    """An export format cannot express a network; the message names the node and the reason."""


class ExtensionError(SignbitError, RuntimeError):
    """A package that extends this one does not load, or registers a name that is taken."""


class EngineError(SignbitError):
    """This machine has too little memory left, or too few threads, to run a network."""


class WorkerError(SignbitError):
    """A worker of a cluster was lost, or something that its work needs is missing there."""


class OutputError(SignbitError):
    """A result could not be written. A file that was there before is unchanged."""


class TrainingError(SignbitError):
    """Training cannot go on, for example because the loss is not finite."""


class StoppedError(SignbitError):
    """Ctrl-C or another signal stopped a job. The exit code is 128 + signal, as in a shell."""

    def __init__(self, message: str, signum: int = signal.SIGINT):
        super().__init__(message)
        self.exit_code = 128 + signum


class TrainingInterruptedError(StoppedError):
    """A signal, such as Ctrl-C, stopped a training run. Its last checkpoint is complete."""


class MissingDependencyError(SignbitError, ImportError):
    """An optional dependency is needed, but it is not installed."""


def printable(text: str) -> str:
    """The text on one line. A character that cannot be printed becomes an escape sequence."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's message; the name of its type if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def closest(name: str, known: Iterable[str]) -> str:
    """ " Did you mean ...?" with the known name that is most like `name`; "" if none is like it."""
    matches = get_close_matches(name, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a list of known ones."""
    known = sorted(known)
    listed = ", ".join(known) if known else "none"
    return UsageError(f"unknown {kind} {name!r}; known: {listed}.{closest(name, known)}")
