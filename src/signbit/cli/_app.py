"""Build the application from the registered commands and run it."""

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn, TextIO

import typer

from signbit import __version__
from signbit.errors import SignbitError
from signbit.registry import Registry

_TRAINING = ("torch", "lightning", "safetensors", "pydantic", "matplotlib")
_EXTRA_OF = dict.fromkeys(_TRAINING, "train") | {"scipy": "export"}

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)

commands: Registry[Callable[..., None]] = Registry("command", "signbit.cli")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"signbit {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Binary neural networks, from training to the bits that run.

    Results go to standard output, progress and notes to standard error. Exit codes: 0 done,
    1 failed, 2 wrong usage.
    """


def build_app() -> typer.Typer:
    """The application with every registered command."""
    app = typer.Typer(
        name="signbit",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in commands.names():
        app.command(name)(commands.get(name))
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with 0, 1 (the job failed) or 2 (wrong usage)."""
    _prepare_streams()
    try:
        try:
            build_app()(args=arguments)
        finally:
            # Here, where it can still be told that the disk behind it is full.
            sys.stdout.flush()
    except SignbitError as error:
        _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = _EXTRA_OF.get(package)
        if extra is None:
            raise
        _fail(f"this needs {package}; install it with: pip install 'signbit[{extra}]'")
    except OSError as error:
        # Errors of files name them, and have become OutputErrors.
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        # What is left in the buffer would fail once more when Python ends.
        sys.stdout = _nowhere()
        _fail(f"cannot write to standard output: {error.strerror}")


def _fail(message: str, exit_code: int = 1) -> NoReturn:
    print(f"signbit: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(exit_code)


def _nowhere() -> TextIO:
    """A stream that takes everything, open until Python ends."""
    return open(os.devnull, "w")  # noqa: PTH123


def _prepare_streams() -> None:
    """Make standard output and error take any text, and stand in for one that is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere())
        elif isinstance(stream, io.TextIOWrapper):
            # Letters that the encoding lacks are written as escapes.
            stream.reconfigure(errors="backslashreplace")
