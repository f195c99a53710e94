"""The option `--import`, which every command has, and the imports of a command line."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Annotated, Any

import typer

from signbit.cli._known_imports import remember
from signbit.user_modules import import_user_module

IMPORT = "--import"

Imports = Annotated[
    list[str] | None,
    typer.Option(
        IMPORT,
        metavar="MODULE",
        help="Import a Python module of yours, such as my_project.models, that registers models, "
        "data sets, quantizers or other extensions. The current folder is searched first. May be "
        "repeated.",
    ),
]


def import_named(arguments: Sequence[str]) -> None:
    """Import the modules that a command line names, before its command is looked up.

    Raises: UsageError, ExtensionError as `import_user_module`.
    """
    for module in _modules(arguments):
        remember(module, import_user_module(module, f"{IMPORT} {module}"))


def after_command(arguments: Sequence[str]) -> list[str]:
    """The arguments, with each `--import` that precedes the command moved after the command.

    Without a command, as in `--import MODULE --help`, they are left out: `import_named` has
    imported their modules before.
    """
    end = 0
    while end < len(arguments) and arguments[end].partition("=")[0] == IMPORT:
        end += 1 if "=" in arguments[end] else 2
    command, rest = arguments[end : end + 1], arguments[end + 1 :]
    if end <= len(arguments) and (not command or command[0].startswith("-")):
        return [*command, *rest]
    return [*command, *arguments[:end], *rest]


def _modules(arguments: Sequence[str]) -> Iterator[str]:
    for place, argument in enumerate(arguments):
        if argument == "--":
            return
        name, equals, value = argument.partition("=")
        if name == IMPORT:
            # If the option is the last word, it has no value. Reading the options refuses that.
            yield from [value] if equals else arguments[place + 1 : place + 2]


def with_import_option(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the option. The command ignores it: `import_named` has done the work."""
    signature = inspect.signature(command, eval_str=True)
    if "imports" in signature.parameters:
        return command

    @wraps(command)
    def run(*arguments: Any, imports: list[str] | None = None, **options: Any) -> None:
        command(*arguments, **options)

    option = inspect.Parameter(
        "imports", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Imports
    )
    changed = signature.replace(parameters=[*signature.parameters.values(), option])
    run.__signature__ = changed  # pyright: ignore[reportAttributeAccessIssue]
    return run
