"""Build the application from the registered commands and run it."""

import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any, NoReturn, TextIO

import typer
from typer.core import TyperGroup

from signbit import __version__
from signbit.cli._examples import epilog_of
from signbit.cli._import_option import after_command, import_named, with_import_option
from signbit.cli._ray_option import with_address
from signbit.errors import SignbitError, StoppedError, printable
from signbit.registry import Registry
from signbit.signals import signal_of, stop_signals

_TRAINING = ("torch", "lightning", "safetensors", "pydantic", "matplotlib")
_EXTRA_OF = dict.fromkeys(_TRAINING, "train") | {"scipy": "export"}

# The base class of what typer raises for wrong arguments; typer exports only this subclass of it.
_WrongArguments: Any = typer.BadParameter.__mro__[1]

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)

# In the order in which a newcomer needs them.
_FIRST = ("quickstart", "train", "pack", "evaluate", "predict")

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

    Results go to standard output. Progress and notes go to standard error. Exit codes: 0 success,
    1 failure, 2 wrong usage, 128 + N when signal N stopped the command (130 for Ctrl-C).

    Every command accepts --import MODULE, for your own models, data sets and other extensions.
    `signbit COMMAND --help` explains a command and shows two examples.
    """


class _Commands(TyperGroup):
    """The group of commands, which does three things that typer does not.

    It lists first the commands that a newcomer needs first. It accepts --ray without an address,
    and --import before the command. It escapes control characters in wrong arguments, because typer
    repeats these arguments in its messages.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options that stand before the command."""
        args = after_command(with_address(args))
        if not args:  # typer raises its help text as an error, whose line breaks must stay
            return super().parse_args(ctx, args)
        with _printable_arguments():
            return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the lists of commands into the help."""
        others = [name for name in self.list_commands(ctx) if name not in _FIRST]
        for title, names in (("Begin with", _FIRST), ("Other commands", others)):
            with formatter.section(title):
                found = [(name, self.get_command(ctx, name)) for name in names]
                formatter.write_dl(
                    [(name, one.get_short_help_str(100)) for name, one in found if one]
                )

    def invoke(self, ctx: Any) -> Any:
        """Read the arguments of the command, and run it."""
        with _printable_arguments():
            return super().invoke(ctx)


@contextmanager
def _printable_arguments() -> Iterator[None]:
    try:
        yield
    except _WrongArguments as error:
        error.message = printable(error.message)
        raise


def build_app() -> typer.Typer:
    """The application with every registered command."""
    app = typer.Typer(
        name="signbit",
        cls=_Commands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in commands.names():
        command = commands.get(name)
        app.command(name, epilog=epilog_of(command))(_stoppable(with_import_option(command)))
    return app


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with an interrupt as our own error, since that of typer names no signal."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            raise _stopped(interrupt) from None

    return run


def _stopped(interrupt: KeyboardInterrupt) -> StoppedError:
    signum = signal_of(interrupt)
    return StoppedError(
        f"stopped by {'Ctrl-C' if signum == signal.SIGINT else signum.name}", signum
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and exit with 0, 1 (failure), 2 (wrong usage) or 128 + signal."""
    _prepare_streams()
    with stop_signals():
        _run(arguments)


def _run(arguments: list[str] | None) -> None:
    try:
        try:
            # An imported module may register a command.
            import_named(sys.argv[1:] if arguments is None else arguments)
            build_app()(args=arguments)
        finally:
            # Flush here, where an error such as a full disk can still be reported.
            sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        stopped = _stopped(interrupt)
        _fail(str(stopped), stopped.exit_code)
    except SystemExit as end:
        # typer raises it for an interrupt outside of the command's own work.
        interrupt = _interrupt_behind(end)
        if interrupt is None:
            raise
        stopped = _stopped(interrupt)
        _fail(str(stopped), stopped.exit_code)
    except SignbitError as error:
        if error.is_told:
            sys.exit(error.exit_code)
        _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = _EXTRA_OF.get(package)
        if extra is None:
            raise
        _fail(f"this command needs {package}; install it with: pip install 'signbit[{extra}]'")
    except OSError as error:
        # At this point an error of a named file is an OutputError. This error is of a stream.
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        # Python would try to write the rest of the buffer when it ends, and fail again.
        sys.stdout = _nowhere()
        _fail(f"cannot write to standard output: {error.strerror}")


def _interrupt_behind(end: BaseException) -> KeyboardInterrupt | None:
    """The interrupt that led to an exception; None where there was none."""
    cause: BaseException | None = end
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause


def _fail(message: str, exit_code: int = 1) -> NoReturn:
    # Names of files, and texts from files, may contain control characters.
    print(f"signbit: {printable(message)}", file=sys.stderr)  # noqa: T201
    sys.exit(exit_code)


def _nowhere() -> TextIO:
    """A stream that accepts everything and stays open until Python ends."""
    return open(os.devnull, "w")  # noqa: PTH123


def _prepare_streams() -> None:
    """Make standard output and error accept any text, and replace one that is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere())
        elif isinstance(stream, io.TextIOWrapper):
            # A letter that the encoding lacks is written as an escape.
            stream.reconfigure(errors="backslashreplace")
