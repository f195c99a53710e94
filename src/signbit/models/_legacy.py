"""Read checkpoints of the older public BinaryNet code for PyTorch."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from signbit.errors import CheckpointError, UsageError
from signbit.format import Preprocessing
from signbit.models._registry import Architecture

LEGACY_SUFFIXES = (".pth.tar", ".pth", ".pt", ".tar")

# That code normalised every data set with the statistics of ImageNet.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def read_legacy(path: Path) -> dict[str, Tensor]:
    """The `state_dict` of a `model_best.pth.tar`, without the prefix `module.` of its keys.

    Only tensors and plain values are read; a file that would run code is refused.

    Raises: CheckpointError.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: refused, it holds Python objects other than tensors and plain values "
            "(or is damaged). Save it again with only its 'state_dict'."
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: not a readable torch checkpoint: {reason}") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state:
        raise CheckpointError(f"{path}: no 'state_dict' with tensors in this file")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"{path}: entry {key!r} of the state dict is {type(value).__name__}, not a tensor"
            )
    return {key.removeprefix("module."): value for key, value in state.items()}


def legacy_preprocessing(architecture: Architecture) -> Preprocessing:
    """What that code did to pixels: pixels / 255, minus the mean, divided by the std."""
    channels = architecture.options.get("in_channels", 3)
    if channels != len(_MEAN):
        raise UsageError(
            f"the old checkpoint's preprocessing is known for 3 channels, not {channels}"
        )
    size = tuple(architecture.options.get("input_size", (32, 32)))
    return Preprocessing.from_mean_std(_MEAN, _STD, size)  # pyright: ignore[reportArgumentType]
