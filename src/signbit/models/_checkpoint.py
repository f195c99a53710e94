"""Write and read `.safetensors` checkpoints that say how to rebuild their model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from signbit.errors import CheckpointError, SignbitError, UsageError
from signbit.files import atomic_write
from signbit.format import Preprocessing
from signbit.models._legacy import LEGACY_SUFFIXES, is_legacy, legacy_preprocessing, read_legacy
from signbit.models._rebuild import blueprint, check_preprocessing, fill
from signbit.models._registry import Architecture
from signbit.models._trained import TrainedModel

VERSION = 1
SUFFIX = ".safetensors"
RUN_FILE = "last.safetensors"
# Room for thousands of class names; options of 4096 characters name about a thousand layers,
# which takes a second to build.
MAX_METADATA = 1 << 20
MAX_OPTIONS = 1 << 12


def save_model(
    path: Path | str,
    module: nn.Module,
    architecture: Architecture,
    preprocessing: Preprocessing,
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write parameters, buffers and all that rebuilds the model, at once.

    info: what else a reader may want to know, in JSON's types.

    Raises: OutputError, an earlier file is then unchanged; UsageError where options or info do
        not fit into a file that `load_model` reads.
    """
    header = {
        "version": VERSION,
        "model": {"name": architecture.name, "options": architecture.options},
        "preprocessing": preprocessing.to_dict(),
        "info": dict(info or {}),
    }
    try:
        text = json.dumps(header)
        options = len(json.dumps(architecture.options))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: options and info hold what JSON does not: {error}") from error
    if len(text) > MAX_METADATA or options > MAX_OPTIONS:
        raise UsageError(
            f"{path}: the model's options take {options} characters, all metadata {len(text)}; "
            f"at most {MAX_OPTIONS} and {MAX_METADATA} are allowed"
        )
    # A tied weight stands under each of its keys, so every key gets memory of its own.
    tensors = {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in module.state_dict().items()
    }
    atomic_write(path, save(tensors, metadata={"signbit": text}))


def load_model(path: Path | str, architecture: Architecture | None = None) -> TrainedModel:
    """Read a run folder, a `.safetensors` checkpoint or an old `.pth.tar`, in eval mode.

    A run folder means its `last.safetensors`; the best on the held-out images can be named as a
    file. Nothing in a file is executed, and no size in it is believed before the file is seen to
    hold as much.

    architecture: for files that do not say it themselves.

    Raises: CheckpointError naming the file; UsageError where the file is of another kind, or
        `architecture` is missing, wrong, or given for a file that says its own.
    """
    path = _resolve(Path(path))
    if is_legacy(path):
        tensors, header = read_legacy(path), None
    else:
        tensors, header = _read_safetensors(path)
    if header is not None:
        if architecture is not None:
            raise UsageError(f"{path} says its own architecture; leave --model and --set out")
        return _own(path, tensors, header)
    if architecture is None:
        raise UsageError(
            f"{path} does not say its architecture; give it, such as "
            "--model vgg_cifar10_binary --set model.inflation=3"
        )
    module = blueprint(architecture)
    preprocessing = legacy_preprocessing(architecture)
    check_preprocessing(module, preprocessing)
    fill(path, module, architecture, tensors)
    return TrainedModel(module, architecture, preprocessing, path)


def _own(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> TrainedModel:
    """The model of a checkpoint of ours."""
    architecture, preprocessing, info = _parse(path, header)
    try:
        module = blueprint(architecture)
        check_preprocessing(module, preprocessing)
    except SignbitError as error:
        raise CheckpointError(f"{path}: metadata: {error}") from error
    fill(path, module, architecture, tensors)
    return TrainedModel(module, architecture, preprocessing, path, info)


def _resolve(path: Path) -> Path:
    try:
        path.stat()
        folder = path.is_dir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(f"{path}: {reason.lower()}; give a run folder or a file") from error
    if folder:
        if (path / RUN_FILE).is_file():
            return path / RUN_FILE
        raise CheckpointError(
            f"{path}: no {RUN_FILE} in this folder; is it a run folder, and has its first epoch "
            "ended?"
        )
    if not path.name.endswith(SUFFIX) and not is_legacy(path):
        raise UsageError(
            f"{path}: not a checkpoint of a trained model, by its name; give a run folder, a "
            f"{SUFFIX} file, or an old {LEGACY_SUFFIXES[0]}; a packed .signbit goes to evaluate, "
            "predict, bench or export"
        )
    return path


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("signbit")
            if text is not None and len(text) > MAX_METADATA:
                raise CheckpointError(
                    f"{path}: metadata has {len(text)} characters, at most {MAX_METADATA} allowed"
                )
            # Copied: a tensor of safetensors may be a view of the file, which may change.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"{path}: not a readable {SUFFIX} file: {error}") from error
    if text is None:
        return tensors, None
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: metadata is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{path}: metadata is not a JSON object")
    return tensors, header


def _parse(path: Path, header: dict[str, Any]) -> tuple[Architecture, Preprocessing, dict]:
    version = header.get("version")
    if type(version) is not int or version != VERSION:
        shown = version if type(version) is int else type(version).__name__
        raise CheckpointError(
            f"{path}: checkpoint version {shown}; this signbit reads {VERSION}. "
            "Use the signbit that wrote it, or a newer one."
        )
    for field in ("model", "preprocessing", "info"):
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
