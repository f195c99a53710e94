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
        help="For FILE.py:NAME: the file with its state dict (.pth, .pt, .tar or .safetensors), or "
        "a run folder of signbit.train.train.",
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
    typer.Option(
        "--size", metavar="HxW", help="For FILE.py:NAME: height and width of its images in pixels."
    ),
]
Crop = Annotated[
    float | None,
    typer.Option(
        "--crop",
        metavar="SHARE",
        help="For FILE.py:NAME: resize an image file until it covers --size divided by SHARE, then "
        "cut --size out of its centre. 0.875 resizes to 256 pixels and cuts out 224.  [default: "
        "resize the whole image]",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        "--mean",
        metavar="M,...",
        help="For FILE.py:NAME: one mean per channel. The network's input is (pixel / 255 - mean) "
        "/ std.",
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        "--std",
        metavar="S,...",
        help="For FILE.py:NAME: one standard deviation per channel, as in --mean.",
    ),
]
SignatureFile = Annotated[
    Path | None,
    typer.Option(
        "--signature",
        metavar="FILE.yaml",
        help="For FILE.py:NAME: a file that lists its inputs and outputs, which may be of any kind "
        "(docs/packing.md). It replaces --size, --mean and --std.",
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
    """The network of `own_module`, for a network whose input is an image of pixels."""
    options = {"--weights": weights, "--size": size, "--mean": mean, "--std": std}
    missing = [option for option, value in options.items() if value is None]
    if missing:
        raise UsageError(
            f"{path}: your own code needs {', '.join(missing)}; if the input of the network is not "
            "one image, give --weights and --signature"
        )
    preprocessing = preprocessing_of(str(size), str(mean), str(std), crop)
    module, architecture = own_module(path, weights, arguments)
    from signbit.models import TrainedModel

    return TrainedModel(module, architecture, preprocessing, weights or path)


def own_module(
    path: Path, weights: Path | None, arguments: str | None
) -> "tuple[nn.Module, Architecture]":
    """The network that a Python file defines, in eval mode, with the weights of another file.

    The Python file is imported, because the user names it. The weights are read, and nothing in
    them is executed. The text that the code prints goes to standard error.

    Raises: UsageError where an option is missing or wrong, or where the code raises an error;
        CheckpointError for weights that cannot be read or do not fit.
    """
    found = _PLACE.fullmatch(str(path))
    assert found is not None
    file, name = Path(found["file"]), found["name"]
    if weights is None:
        raise UsageError(f"{path}: your own code needs --weights FILE")
    positional, named = _arguments(arguments)
    with redirect_stdout(sys.stderr):
        module = _built(file, name, positional, named)
    from signbit.models import Architecture, load_weights

    architecture = Architecture(f"{file.name}:{name}", named or {"args": positional})
    load_weights(weights, module, architecture)
    return module.eval(), architecture


def preprocessing_of(size: str, mean: str, std: str, crop: float | None = None) -> "Preprocessing":
    """The preprocessing that --size, --mean, --std and --crop describe. Raises: UsageError."""
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
        raise UsageError(
            f"--args {text!r} is not JSON: {first_line(error)}; give an object, "
            '{"classes": 10}, or a list, [10]'
        ) from error
    if isinstance(value, Mapping):
        return [], dict(value)
    if isinstance(value, list):
        return value, {}
    raise UsageError(
        f"--args {text!r} is neither an object nor a list; give an object, "
        '{"classes": 10}, or a list, [10]'
    )


def _built(file: Path, name: str | None, positional: list[Any], named: dict[str, Any]):
    """The module that NAME of the file returns when it is called. Raises: UsageError."""
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
        wanted = f"defines no {name!r}" if name else "needs the name of a network, FILE.py:NAME"
        raise UsageError(
            f"{file} {wanted}; networks in this file: {listed}.{closest(name or '', known)}"
        )
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
    # `dataclass` looks up the module of its class in sys.modules. The folder of the file is added
    # to sys.path, so that the code can import the files next to it.
    sys.modules[spec.name] = code
    sys.path.insert(0, str(file.resolve().parent))
    spec.loader.exec_module(code)
    return code


def _run(what: str, work: Callable[[], Any]) -> Any:
    """Run the user's code. Raises: UsageError where it raises any error, also SystemExit."""
    try:
        return work()
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{what} raised {type(error).__name__}: {printable(first_line(error))}"
        ) from error
