"""The errors that callers may want to catch. The command line prints each as one line."""

import signal
from collections.abc import Iterable
from difflib import get_close_matches


class SignbitError(Exception):
    """Base of every error this package raises on purpose.

    is_told: whether another process of the same job reports it to the user.
    """

    exit_code = 1
    is_told = False


class UsageError(SignbitError, ValueError):
    """A name, option or value that the caller chose is not an allowed one."""

    exit_code = 2


class InputTypeError(SignbitError, TypeError):
    """An argument has the wrong type, a tensor the wrong dtype."""

    exit_code = 2


class DataError(SignbitError):
    """A data set or an image is missing, damaged or not what its format says."""


class CheckpointError(SignbitError):
    """A checkpoint is missing, damaged or of another architecture."""


class ModelFormatError(SignbitError, ValueError):
    """A `.signbit` file is damaged, or not what docs/format.md allows."""


class PackError(SignbitError, ValueError):
    """A network cannot be packed exactly; the message names the module and the reason."""


class AdoptError(SignbitError, ValueError):
    """A module of foreign code follows no rule that is known; the message names the nearest."""


class ExportError(SignbitError, ValueError):
    """A format cannot express a packed network; the message names the node and the reason."""


class ExtensionError(SignbitError, RuntimeError):
    """A package that joins by entry point does not load, or claims a name that another has."""


class EngineError(SignbitError):
    """This machine has no memory or threads left to run a network with."""


class WorkerError(SignbitError):
    """A worker of a cluster is lost, or lacks what its work needs."""


class OutputError(SignbitError):
    """A result could not be written; whatever was there before is untouched."""


class TrainingError(SignbitError):
    """Training cannot go on, for example because the loss is not finite."""


class StoppedError(SignbitError):
    """Ctrl-C or another signal ended a job. The exit code is 128 + signal, as of a shell."""

    def __init__(self, message: str, signum: int = signal.SIGINT):
        super().__init__(message)
        self.exit_code = 128 + signum


class TrainingInterruptedError(StoppedError):
    """A signal, such as Ctrl-C, stopped a run; its last checkpoint is complete."""


class MissingDependencyError(SignbitError, ImportError):
    """An optional dependency is needed and not installed."""


def printable(text: str) -> str:
    """Text on one line: what cannot be printed, or is no text at all, comes as an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def first_line(error: BaseException) -> str:
    """What an error of a library says in its first line; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def closest(name: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' for the known name most like `name`; '' where none is."""
    matches = get_close_matches(name, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a list of known ones."""
    known = sorted(known)
    listed = ", ".join(known) if known else "none"
    return UsageError(f"unknown {kind} {name!r}; known: {listed}.{closest(name, known)}")
