"""A network that the user's own file defines: FILE.py:NAME, with weights and preprocessing."""

import re
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signbit.errors import UsageError, closest, first_line, printable

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn

    from signbit.format import Preprocessing
    from signbit.models import Architecture, TrainedModel

_PLACE = re.compile(r"(?P<file>.+\.py)(?::(?P<name>[^:/]*))?")
_MOST_SIDE = 5

Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="For FILE.py:NAME: a state dict in .pth, .pt, .tar or .safetensors, or a run folder "
        "of signbit.train.train.",
    ),
]
Arguments = Annotated[
    str | None,
    typer.Option(
        "--args",
        metavar="JSON",
        help='For FILE.py:NAME: the arguments of NAME, such as {"classes": 10} or [10].',
    ),
]
Size = Annotated[
    str | None,
    typer.Option("--size", metavar="HxW", help="For FILE.py:NAME: size of the images, in pixels."),
]
Crop = Annotated[
    float | None,
    typer.Option(
        "--crop",
        metavar="SHARE",
        help="For FILE.py:NAME: image files are scaled until they cover size / SHARE, and the "
        "centre is cut out; 0.875 is 224 of 256 pixels.  [default: the whole image is resized]",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        "--mean",
        metavar="M,...",
        help="For FILE.py:NAME: its input is (pixel / 255 - mean) / std; one number per channel.",
    ),
]
Std = Annotated[str | None, typer.Option("--std", metavar="S,...", help="See --mean.")]
SignatureFile = Annotated[
    Path | None,
    typer.Option(
        "--signature",
        metavar="FILE.yaml",
        help="For FILE.py:NAME, in the place of --size, --mean and --std: its inputs and outputs, "
        "of any kind (docs/packing.md).",
    ),
]


def is_own_code(path: Path) -> bool:
    """Whether the argument of a command names a file of Python, FILE.py or FILE.py:NAME."""
    return _PLACE.fullmatch(str(path)) is not None


def open_own_code(
    path: Path,
    weights: Path | None,
    arguments: str | None,
    size: str | None,
    mean: str | None,
    std: str | None,
    crop: float | None = None,
) -> "TrainedModel":
    """As `own_module`, of a network that takes images of pixels."""
    options = {"--weights": weights, "--size": size, "--mean": mean, "--std": std}
    missing = [option for option, value in options.items() if value is None]
    if missing:
        raise UsageError(
            f"{path}: own code needs {', '.join(missing)}; or --weights and --signature, for a "
            "network of other inputs"
        )
    preprocessing = preprocessing_of(str(size), str(mean), str(std), crop)
    module, architecture = own_module(path, weights, arguments)
    from signbit.models import TrainedModel

    return TrainedModel(module, architecture, preprocessing, weights or path)


def own_module(
    path: Path, weights: Path | None, arguments: str | None
) -> "tuple[nn.Module, Architecture]":
    """The network that a file of Python defines, with weights from another, in eval mode.

    The file is imported, since the user names it. The weights are read without executing anything.
    Whatever the code prints goes to standard error.

    Raises: UsageError where an option is missing or wrong, or the code fails; CheckpointError for
        weights that cannot be read or do not fit.
    """
    found = _PLACE.fullmatch(str(path))
    assert found is not None
    file, name = Path(found["file"]), found["name"]
    if weights is None:
        raise UsageError(f"{path}: own code needs --weights")
    positional, named = _arguments(arguments)
    with redirect_stdout(sys.stderr):
        module = _built(file, name, positional, named)
    from signbit.models import Architecture, load_weights

    architecture = Architecture(f"{file.name}:{name}", named or {"args": positional})
    load_weights(weights, module, architecture)
    return module.eval(), architecture


def preprocessing_of(size: str, mean: str, std: str, crop: float | None = None) -> "Preprocessing":
    """What --size, --mean, --std and --crop say. Raises: UsageError."""
    from signbit.format import Preprocessing

    sides = size.split("x")
    if len(sides) != 2 or not all(s.isdecimal() and len(s) <= _MOST_SIDE for s in sides):
        raise UsageError(f"--size {size!r}: give height and width in pixels, such as 32x32")
    height, width = map(int, sides)
    return Preprocessing.from_mean_std(
        _numbers("--mean", mean), _numbers("--std", std), (height, width), crop=crop
    )


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(one) for one in text.split(",")]
    except ValueError:
        raise UsageError(
            f"{option} {text!r}: give one number per channel, such as 0.5,0.5,0.5"
        ) from None


def _arguments(text: str | None) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments."""
    from signbit import strict_json

    try:
        value = {} if text is None else strict_json.loads(text)
    except ValueError as error:
        raise UsageError(f"--args {text!r}: not JSON: {first_line(error)}") from error
    if isinstance(value, Mapping):
        return [], dict(value)
    if isinstance(value, list):
        return value, {}
    raise UsageError(f'--args {text!r}: give an object, {{"classes": 10}}, or a list, [10]')


def _built(file: Path, name: str | None, positional: list[Any], named: dict[str, Any]):
    """What NAME of the file returns when it is called. Raises: UsageError."""
    from torch import nn

    code = _run(f"{file}: importing it", lambda: _imported(file))
    known = sorted(
        key
        for key, value in vars(code).items()
        if isinstance(value, type) and issubclass(value, nn.Module)
    )
    make = getattr(code, name, None) if name else None
    if not callable(make):
        listed = ", ".join(known) or "none"
        wanted = f"defines no {name!r}" if name else "needs a name, FILE.py:NAME"
        raise UsageError(f"{file} {wanted}; its networks: {listed}.{closest(name or '', known)}")
    module = _run(
        f"{file}: {name}({_shown(positional, named)})", lambda: make(*positional, **named)
    )
    if not isinstance(module, nn.Module):
        raise UsageError(
            f"{file}: {name} returns {type(module).__name__}; give a torch.nn.Module, or a "
            "function that returns one"
        )
    return module


def _shown(positional: list[Any], named: dict[str, Any]) -> str:
    return ", ".join([*map(repr, positional), *(f"{k}={v!r}" for k, v in named.items())])


def _imported(file: Path) -> "ModuleType":
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"signbit_own_code_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    code = module_from_spec(spec)
    # `dataclass` looks up the module of its class here. The folder of the file is added to the
    # path, so that the code can import what lies next to it.
    sys.modules[spec.name] = code
    sys.path.insert(0, str(file.resolve().parent))
    spec.loader.exec_module(code)
    return code


def _run(what: str, work: Callable[[], Any]) -> Any:
    """Raises: UsageError where the user's code raises anything, SystemExit included."""
    try:
        return work()
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{what} raised {type(error).__name__}: {printable(first_line(error))}"
        ) from error
