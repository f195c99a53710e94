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
from signbit.models._legacy import LEGACY_SUFFIXES, legacy_preprocessing, read_legacy
from signbit.models._registry import Architecture
from signbit.models._trained import TrainedModel

VERSION = 1
RUN_FILES = ("best.safetensors", "last.safetensors")
# Far above any architecture's options, far below what would take long to build.
MAX_METADATA = 1 << 16
MAX_LISTED = 20


def save_model(
    path: Path | str,
    module: nn.Module,
    architecture: Architecture,
    preprocessing: Preprocessing,
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write parameters, buffers and all that rebuilds the model, at once.

    Raises: OutputError; an earlier file is then unchanged.
    """
    header = {
        "version": VERSION,
        "model": {"name": architecture.name, "options": architecture.options},
        "preprocessing": preprocessing.to_dict(),
        "info": dict(info or {}),
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    atomic_write(path, save(tensors, metadata={"signbit": json.dumps(header)}))


def load_model(path: Path | str, architecture: Architecture | None = None) -> TrainedModel:
    """Read a run folder, a `.safetensors` checkpoint or an old `.pth.tar`, in eval mode.

    A run folder means its `best.safetensors` (best on the held-out validation images), or
    `last.safetensors` where nothing was held out.

    architecture: for files that do not say it themselves.

    Raises: CheckpointError naming the file; UsageError where `architecture` is missing, or
    given for a file that says its own.
    """
    path = _resolve(Path(path))
    if path.name.endswith(LEGACY_SUFFIXES):
        tensors, header = read_legacy(path), None
    else:
        tensors, header = _read_safetensors(path)
    if header is None:
        if architecture is None:
            raise UsageError(
                f"{path} does not say its architecture; give it, such as "
                "--model vgg_cifar10_binary --set model.inflation=3"
            )
        preprocessing, info = legacy_preprocessing(architecture), {}
    else:
        if architecture is not None:
            raise UsageError(f"{path} says its own architecture; leave --model and --set out")
        architecture, preprocessing, info = _parse(path, header)
    module = _rebuild(path, architecture, tensors)
    return TrainedModel(module, architecture, preprocessing, path, info)


def _resolve(path: Path) -> Path:
    if not path.exists():
        raise CheckpointError(f"{path}: no such file or folder")
    if not path.is_dir():
        return path
    for name in RUN_FILES:
        if (path / name).is_file():
            return path / name
    raise CheckpointError(
        f"{path}: no {' or '.join(RUN_FILES)} in this folder; is it a run folder, and has its "
        "first epoch ended?"
    )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get("signbit")
            if text is not None and len(text) > MAX_METADATA:
                raise CheckpointError(
                    f"{path}: metadata has {len(text)} characters, at most {MAX_METADATA} allowed"
                )
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable .safetensors file: {error}") from error
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
    if version != VERSION:
        raise CheckpointError(
            f"{path}: checkpoint version {version!r}; this signbit reads {VERSION}. "
            "Use the signbit that wrote it, or a newer one."
        )
    try:
        model = header["model"]
        architecture = Architecture(str(model["name"]), dict(model["options"]))
        return architecture, Preprocessing.from_dict(header["preprocessing"]), dict(header["info"])
    except (KeyError, TypeError, ValueError) as error:
        reason = f"field {error} is missing" if isinstance(error, KeyError) else error
        raise CheckpointError(f"{path}: metadata: {reason}") from error


def _rebuild(path: Path, architecture: Architecture, tensors: dict[str, Tensor]) -> nn.Module:
    # On the meta device nothing is allocated: sizes are compared before they are believed.
    try:
        with torch.device("meta"):
            module = architecture.build()
    except SignbitError as error:
        raise CheckpointError(f"{path}: {error}") from error
    wanted = module.state_dict()
    for key in wanted:
        # Checkpoints older than torch 0.4.1 lack this counter, which eval mode never reads.
        if key.endswith("num_batches_tracked") and key not in tensors:
            tensors[key] = torch.tensor(0)
    problems = _differences(wanted, tensors)
    if problems:
        raise CheckpointError(
            f"{path} does not fit model {architecture.name!r} with options "
            f"{architecture.options}: {'; '.join(problems)}"
        )
    tensors = {key: value.to(wanted[key].dtype) for key, value in tensors.items()}
    module.load_state_dict(tensors, assign=True)
    return module.eval()


def _differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What keeps `found` from being loaded, in words."""
    wrong = [
        f"{key} is {_shape(found[key])}, the model has {_shape(wanted[key])}"
        for key in wanted
        if key in found and found[key].shape != wanted[key].shape
    ]
    kinds = {
        "missing": [key for key in wanted if key not in found],
        "unexpected": [key for key in found if key not in wanted],
        "wrong shape": wrong,
    }
    return [f"{kind}: {_listed(keys)}" for kind, keys in kinds.items() if keys]


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - MAX_LISTED} more" if len(keys) > MAX_LISTED else ""
    return ", ".join(keys[:MAX_LISTED]) + more
