"""Write and read `.safetensors` checkpoints that say how to rebuild their model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from signbit.errors import CheckpointError, SignbitError, UsageError, closest, printable
from signbit.files import atomic_write
from signbit.format import Preprocessing
from signbit.models._foreign_code import (
    modules_named,
    modules_needed,
    not_built,
    of_own_module,
    other_code,
)
from signbit.models._legacy import (
    LEGACY_SUFFIXES,
    is_legacy,
    legacy_preprocessing,
    read_legacy,
    without_prefixes,
)
from signbit.models._rebuild import blueprint, check_preprocessing, fill
from signbit.models._registry import Architecture
from signbit.models._run_folder import RUN_FILE
from signbit.models._safetensors import (
    MAX_METADATA,
    contiguous_copies,
    from_bytes,
    metadata_text,
    to_bytes,
)
from signbit.models._torch_file import read_bytes
from signbit.models._trained import TrainedModel
from signbit.models._weights import VERSION
from signbit.models._zeros import Zeros, decide_zeros

SUFFIX = ".safetensors"
# Options of 4096 characters name about a thousand layers, which takes a second to build.
MAX_OPTIONS = 1 << 12
_FIELDS = ("version", "model", "preprocessing", "info")


def save_model(
    path: Path | str,
    module: nn.Module,
    architecture: Architecture,
    preprocessing: Preprocessing,
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write a `.safetensors` file with everything that rebuilds the model, whole or not at all.

    The file holds the parameters and buffers, the architecture, the preprocessing and a digest of
    all of them.

    path: a `.safetensors` file; an earlier file is replaced.
    info: more facts for a reader, in types that JSON has.

    Raises: OutputError if the file cannot be written; an earlier file is then unchanged. UsageError
        if options or info are too large, or hold values that JSON does not have.
    """
    model: dict[str, Any] = {"name": architecture.name, "options": architecture.options}
    needed = modules_needed(architecture, module)
    if needed:
        model["modules"] = needed
    header = {
        "version": VERSION,
        "model": model,
        "preprocessing": preprocessing.to_dict(),
        "info": dict(info or {}),
    }
    try:
        text = metadata_text(header)
        options = len(json.dumps(architecture.options))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{path}: options or info hold a value that JSON does not have: {error}"
        ) from error
    if len(text) > MAX_METADATA or options > MAX_OPTIONS:
        raise UsageError(
            f"{path}: the model's options take {options} characters, of {MAX_OPTIONS} allowed; all "
            f"metadata takes {len(text)}, of {MAX_METADATA} allowed; shorten options or info"
        )
    atomic_write(path, to_bytes(contiguous_copies(module), text))


def load_model(
    path: Path | str, architecture: Architecture | None = None, zeros: Zeros | None = None
) -> TrainedModel:
    """Read the trained network of a run folder, a `.safetensors` file or an old `.pth.tar` file.

    The network is in eval mode, on the CPU. Nothing in the file is executed, and no module that it
    names is imported. No size in the file is believed before it is compared with the file itself.
    If code outside of this package registered the model, import that code first.

    path: a run folder stands for its `last.safetensors`. To read the epoch that was best on the
        held-out images, name its file.
    architecture: name and options, only for a file that does not contain them.
    zeros: "minus" or "plus", only for a file that does not contain its architecture. Such a file
        may come from code whose sign has three values. Weights and channels that are exactly zero
        where the network takes a sign then count as -1 or +1.

    Raises: CheckpointError if the file is damaged or does not fit, if a module must be imported
        first, or if there are zeros and `zeros` is None; UsageError if the file is of another
        kind, if `architecture` is missing or wrong, or if `architecture` or `zeros` is given for a
        file that contains its architecture.
    """
    if zeros not in (None, "minus", "plus"):
        raise UsageError(f"zeros is {zeros!r}; give 'minus', 'plus' or None")
    path = _resolve(Path(path))
    shown = printable(str(path))
    if is_legacy(path):
        tensors, header = read_legacy(path), None
    else:
        tensors, header = from_bytes(shown, read_bytes(path))
    if header is None:
        return _foreign(path, tensors, architecture, zeros)
    if architecture is not None:
        raise UsageError(f"{shown} contains its architecture; leave out --model and --set")
    if zeros is not None:
        raise UsageError(f"{shown} was written by signbit, where zero is -1; leave out --zeros")
    return _own(path, tensors, header)


def _foreign(
    path: Path,
    tensors: Mapping[str, Tensor],
    architecture: Architecture | None,
    zeros: Zeros | None,
) -> TrainedModel:
    """The model of a file that holds only tensors."""
    shown = printable(str(path))
    if architecture is None:
        raise UsageError(
            f"{shown} does not contain its architecture; give it, such as "
            "--model vgg_cifar10_binary --set model.inflation=3"
        )
    module = blueprint(architecture)
    preprocessing = legacy_preprocessing(architecture)
    check_preprocessing(module, preprocessing)
    fill(shown, module, architecture, without_prefixes(tensors, module.state_dict()))
    note = decide_zeros(shown, module, preprocessing, zeros)
    return TrainedModel(module, architecture, preprocessing, path, notes=(note,) if note else ())


def _own(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> TrainedModel:
    """The model of a checkpoint that `save_model` wrote."""
    shown = printable(str(path))
    architecture, preprocessing, info = _parse(shown, header)
    named = modules_named(shown, header["model"])
    try:
        module = blueprint(architecture)
        check_preprocessing(module, preprocessing)
    except SignbitError as error:
        raise not_built(shown, architecture.name, named, error) from error
    fill(shown, module, architecture, tensors)
    notes = other_code(shown, architecture.name, named)
    return TrainedModel(module, architecture, preprocessing, path, info, notes)


def _resolve(path: Path) -> Path:
    shown = printable(str(path))
    try:
        path.stat()
        folder = path.is_dir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(f"{shown}: {reason.lower()}; give a run folder or a file") from error
    if folder:
        if (path / RUN_FILE).is_file():
            return path / RUN_FILE
        raise CheckpointError(
            f"{shown}: no {RUN_FILE} in this folder; give a run folder whose first epoch has ended"
        )
    if not path.name.endswith(SUFFIX) and not is_legacy(path):
        raise UsageError(
            f"{shown}: its name is not that of a checkpoint; give a run folder, a {SUFFIX} file or "
            f"an old {LEGACY_SUFFIXES[0]} file. The commands evaluate, predict, summary, bench and "
            "export accept a packed .signbit file"
        )
    return path


def _parse(path: str, header: dict[str, Any]) -> tuple[Architecture, Preprocessing, dict]:
    version = header.get("version")
    if type(version) is not int or version != VERSION:
        shown = version if type(version) is int else type(version).__name__
        raise CheckpointError(
            f"{path}: checkpoint version {shown}; this signbit reads version {VERSION}. "
            "Use the signbit that wrote it, or a newer one"
        )
    for field in header:
        if field not in _FIELDS:
            raise CheckpointError(
                f"{path}: metadata: unknown field {field[:100]!r}; the file is damaged, or a newer "
                f"signbit wrote it.{closest(field, _FIELDS)}"
            )
    if "model" not in header and "preprocessing" not in header:
        raise of_own_module(path, header.get("info"))
    for field in _FIELDS[1:]:
        if not isinstance(header.get(field), dict):
            raise CheckpointError(f"{path}: metadata: field {field!r} is missing or not an object")
    name, options = header["model"].get("name"), header["model"].get("options")
    if not isinstance(name, str) or not isinstance(options, dict):
        raise CheckpointError(f"{path}: metadata: the model has no name or no options")
    if len(json.dumps(options)) > MAX_OPTIONS:
        raise CheckpointError(
            f"{path}: metadata: the model's options take more than {MAX_OPTIONS} characters, which "
            "is not allowed"
        )
    try:
        preprocessing = Preprocessing.from_dict(header["preprocessing"])
    except (SignbitError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: metadata: {error}") from error
    return Architecture(name, options), preprocessing, header["info"]
