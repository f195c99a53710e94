"""Options that several commands share, and the parsing of `--set`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from signbit.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from signbit.models import Architecture

Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="D",
        help="Data set: digits, cifar10, cifar100, mnist, fashion-mnist, folder:PATH, "
        "tar:PATH or parquet:PATH (docs/data.md).",
    ),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Folder with the data set's files.")
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch the data set's files where they are missing.")
]
Device = Annotated[
    Literal["cpu", "cuda"], typer.Option("--device", help="The device on which torch computes.")
]
BatchSize = Annotated[
    int,
    typer.Option(
        "--batch-size",
        min=1,
        max=1 << 20,
        help="Number of images in one batch. It changes the speed, not the result.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Number of threads of the engine, for a packed network.  [default: one per core]",
    ),
]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Also write the result to FILE as JSON."),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Name of the architecture, for a checkpoint that does not contain it, such as an old "
        ".pth.tar.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An option of the architecture, such as model.inflation=0.25 or "
        "model.hidden=[1024,1024]. May be repeated.",
    ),
]

Zeros = Annotated[
    Literal["minus", "plus"] | None,
    typer.Option(
        "--zeros",
        help="For an old checkpoint: the sign of its exact zeros, minus for -1 or plus for +1. A "
        "file with exact zeros is refused without this option.",
    ),
]

Scalar = None | bool | int | float | str
_SHOWN = 100


def parse_settings(arguments: Sequence[str]) -> dict[str, Any]:
    """A nested dict from arguments such as `model.inflation=3`.

    Values are YAML scalars or lists of them: `3`, `0.25`, `5e-3`, `true`, `null`, `[1024, 512]`,
    `text`. Where a key is repeated, its last value counts.

    Raises: UsageError naming the argument.
    """
    settings: dict[str, Any] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        path = key.split(".")
        if not equals or not all(part.isidentifier() for part in path):
            raise UsageError(
                f"--set {_shown(argument)}: give KEY=VALUE, such as model.inflation=0.25"
            )
        place = settings
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise UsageError(
                    f"--set {_shown(argument)}: another --set gives {part!r} a value; leave one out"
                )
        if isinstance(place.get(path[-1]), dict):
            raise UsageError(
                f"--set {_shown(argument)}: another --set sets a part of {key!r}; leave one out"
            )
        place[path[-1]] = _parse_value(argument, text)
    return settings


def architecture_of(model: str | None, settings: Sequence[str] | None) -> "Architecture | None":
    """The architecture that `--model` and `--set model.*` describe; None where neither is given.

    Raises: UsageError for settings that do not begin with `model.`, or without `--model`.
    """
    parsed = parse_settings(settings or ())
    for key in parsed:
        if key != "model":
            raise unknown_name("--set key", key, ["model.OPTION"])
    options = parsed.get("model", {})
    if not isinstance(options, dict):
        raise UsageError("--set model=... is not an option; name the architecture with --model")
    if model is None:
        if options:
            raise UsageError("--set model.* describes an architecture; name it with --model")
        return None
    from signbit.models import Architecture

    return Architecture(model, options)


def _parse_value(argument: str, text: str) -> Scalar | list[Scalar]:
    from signbit.yaml_file import parse_yaml

    value = parse_yaml(text, f"--set {_shown(argument)}")
    values = [_number(item) for item in (value if isinstance(value, list) else [value])]
    if not all(isinstance(item, Scalar) for item in values):
        raise UsageError(
            f"--set {_shown(argument)}: the value is {type(value).__name__}; give a number, a "
            "text, true, false, null or a list of these"
        )
    return values if isinstance(value, list) else values[0]


def _shown(argument: str) -> str:
    return repr(argument if len(argument) <= _SHOWN else f"{argument[:_SHOWN]}...")


def _number(value: Any) -> Any:
    # YAML 1.1 wants a dot, as in 5.0e-3, and reads 5e-3 as text. We read both as numbers.
    if isinstance(value, str) and value[:1] in "+-.0123456789" and "e" in value.lower():
        try:
            return float(value)
        except ValueError:
            pass
    return value
