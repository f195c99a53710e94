"""Read checkpoints of the older public BinaryNet code for PyTorch."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from signbit.errors import CheckpointError, UsageError, first_line
from signbit.format import Preprocessing
from signbit.models._registry import Architecture, option

LEGACY_SUFFIXES = (".pth.tar", ".pth", ".pt", ".tar")
_PREFIX = "module."  # what torch.nn.DataParallel puts before each key

# That code normalised every data set with the statistics of ImageNet.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def is_legacy(path: Path | str) -> bool:
    """Whether a file is one of those checkpoints, by its name."""
    return str(path).endswith(LEGACY_SUFFIXES)


def read_legacy(path: Path) -> dict[str, Tensor]:
    """The `state_dict` of a `model_best.pth.tar`, without the prefix `module.` of its keys.

    Only tensors and plain values are read; a file that would run code is refused.

    Raises: CheckpointError.
    """
    content = _load(path)
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{path}: no 'state_dict' with tensors in this file")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            shown = repr(key[:100]) if isinstance(key, str) else f"with {type(key).__name__} as key"
            raise CheckpointError(
                f"{path}: entry {shown} of the state dict is {type(value).__name__}; "
                "give tensors under their names"
            )
    prefix = _PREFIX if all(key.startswith(_PREFIX) for key in state) else ""
    return {key.removeprefix(prefix): value.detach() for key, value in state.items()}


def legacy_preprocessing(architecture: Architecture) -> Preprocessing:
    """What that code did to pixels: pixels / 255, minus the mean, divided by the std.

    Raises: UsageError where the network does not take 3 channels.
    """
    channels = option(architecture, "in_channels", len(_MEAN))
    if channels != len(_MEAN):
        raise UsageError(
            f"the old checkpoint's preprocessing is known for {len(_MEAN)} channels; "
            f"model {architecture.name!r} takes {channels}, "
            f"--set model.in_channels={len(_MEAN)} would change that"
        )
    height, width = option(architecture, "input_size", (32, 32))
    return Preprocessing.from_mean_std(_MEAN, _STD, (height, width))


def _load(path: Path) -> Any:
    refused = (
        f"{path}: refused, it holds Python objects other than tensors and plain values "
        "(or is damaged). Save it again with only its 'state_dict'."
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about what it will read in future
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise CheckpointError(refused) from error
    # A damaged pickle makes its reader fail in any way: struct.error, IndexError and others.
    except Exception as error:
        raise CheckpointError(
            f"{path}: not a readable torch checkpoint: {first_line(error)}"
        ) from error
