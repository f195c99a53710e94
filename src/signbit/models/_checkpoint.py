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
    """Write parameters, buffers and all that rebuilds the model, at once, and a digest of it all.

    info: what else a reader may want to know, in JSON's types.

    Raises: OutputError, an earlier file is then unchanged; UsageError where options or info do
        not fit into a file that `load_model` reads.
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
        raise UsageError(f"{path}: options and info hold what JSON does not: {error}") from error
    if len(text) > MAX_METADATA or options > MAX_OPTIONS:
        raise UsageError(
            f"{path}: the model's options take {options} characters, all metadata {len(text)}; "
            f"at most {MAX_OPTIONS} and {MAX_METADATA} are allowed"
        )
    atomic_write(path, to_bytes(contiguous_copies(module), text))


def load_model(
    path: Path | str, architecture: Architecture | None = None, zeros: Zeros | None = None
) -> TrainedModel:
    """Read a run folder, a `.safetensors` checkpoint or an old `.pth.tar`, in eval mode.

    A run folder means its `last.safetensors`; the best on the held-out images can be named as a
    file. Nothing in a file is executed, nothing that it names is imported, and no size in it is
    believed before the file is seen to hold as much. A model that code outside of this package
    registers is known after that code is imported.

    architecture: for files that do not say it themselves.
    zeros: "minus" or "plus", for those files too: what weights and channels that are exactly
        zero where the network takes a sign count as. Code with a sign of three values wrote them.

    Raises: CheckpointError naming the file, damage to one of ours included, a module to import,
        or zeros where `zeros` is None; UsageError where the file is of another kind, or
        `architecture` or `zeros` is missing, wrong, or given for a file that says its own.
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
        raise UsageError(f"{shown} says its own architecture; leave --model and --set out")
    if zeros is not None:
        raise UsageError(f"{shown} was written by signbit, where zero is -1; leave --zeros out")
    return _own(path, tensors, header)


def _foreign(
    path: Path,
    tensors: Mapping[str, Tensor],
    architecture: Architecture | None,
    zeros: Zeros | None,
) -> TrainedModel:
    """The model of a file that holds tensors alone."""
    shown = printable(str(path))
    if architecture is None:
        raise UsageError(
            f"{shown} does not say its architecture; give it, such as "
            "--model vgg_cifar10_binary --set model.inflation=3"
        )
    module = blueprint(architecture)
    preprocessing = legacy_preprocessing(architecture)
    check_preprocessing(module, preprocessing)
    fill(shown, module, architecture, without_prefixes(tensors, module.state_dict()))
    note = decide_zeros(shown, module, preprocessing, zeros)
    return TrainedModel(module, architecture, preprocessing, path, notes=(note,) if note else ())


def _own(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> TrainedModel:
    """The model of a checkpoint of ours."""
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
            f"{shown}: no {RUN_FILE} in this folder; is it a run folder, and has its first epoch "
            "ended?"
        )
    if not path.name.endswith(SUFFIX) and not is_legacy(path):
        raise UsageError(
            f"{shown}: not a checkpoint of a trained model, by its name; give a run folder, a "
            f"{SUFFIX} file, or an old {LEGACY_SUFFIXES[0]}; a packed .signbit goes to evaluate, "
            "predict, summary, bench or export"
        )
    return path


def _parse(path: str, header: dict[str, Any]) -> tuple[Architecture, Preprocessing, dict]:
    version = header.get("version")
    if type(version) is not int or version != VERSION:
        shown = version if type(version) is int else type(version).__name__
        raise CheckpointError(
            f"{path}: checkpoint version {shown}; this signbit reads {VERSION}. "
            "Use the signbit that wrote it, or a newer one."
        )
    for field in header:
        if field not in _FIELDS:
            raise CheckpointError(
                f"{path}: metadata: unknown field {field[:100]!r}; the file is damaged, or of a "
                f"newer signbit.{closest(field, _FIELDS)}"
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
            f"{path}: metadata: the model's options take more than {MAX_OPTIONS} characters"
        )
    try:
        preprocessing = Preprocessing.from_dict(header["preprocessing"])
    except (SignbitError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: metadata: {error}") from error
    return Architecture(name, options), preprocessing, header["info"]
