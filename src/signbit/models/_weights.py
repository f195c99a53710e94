"""The tensors of a network that somebody else defines, into a file and back."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from signbit.errors import UsageError, printable
from signbit.files import atomic_write
from signbit.models._legacy import LEGACY_SUFFIXES, is_legacy, read_legacy, without_prefixes
from signbit.models._rebuild import fill
from signbit.models._registry import Architecture
from signbit.models._run_folder import RUN_FILE
from signbit.models._safetensors import contiguous_copies, from_bytes, metadata_text, to_bytes
from signbit.models._torch_file import read_bytes

# Of the metadata that our checkpoints have.
VERSION = 1
_SAFETENSORS = ".safetensors"


def save_weights(path: Path, module: nn.Module, info: Mapping[str, Any]) -> None:
    """Write parameters and buffers as `.safetensors`, with a digest.

    The file does not say how to build the network; `load_weights` fills one.

    info: what a reader may want to know, in JSON's types.

    Raises: OutputError; an earlier file is then unchanged.
    """
    text = metadata_text({"version": VERSION, "info": dict(info)})
    atomic_write(path, to_bytes(contiguous_copies(module), text))


def load_weights(path: Path, module: nn.Module, architecture: Architecture) -> None:
    """Fill `module` with the state dict in a `.safetensors` file or what torch.save wrote.

    Nothing in the file is executed. Prefixes such as `module.` are taken off.
    path: of the file, or of a run folder, which means its `last.safetensors`.
    architecture: name and options, for messages.

    Raises: CheckpointError naming the file, and what is missing or does not fit; UsageError for
        a file of another kind, by its name.
    """
    tensors = read_weights(path, module)
    fill(printable(str(path)), module, architecture, tensors)


def read_weights(path: Path, module: nn.Module) -> dict[str, Tensor]:
    """The state dict in a file as in `load_weights`, with the prefixes that `module` has.

    Raises: CheckpointError, UsageError as `load_weights`.
    """
    if os.path.isdir(path):  # noqa: PTH112 (unlike is_dir, it raises for no name)
        path = path / RUN_FILE
    shown = printable(str(path))
    if path.name.endswith(_SAFETENSORS):
        tensors = from_bytes(shown, read_bytes(path))[0]
    elif is_legacy(path):
        tensors = read_legacy(path)
    else:
        allowed = ", ".join((_SAFETENSORS, *LEGACY_SUFFIXES))
        raise UsageError(f"{shown}: not a file of weights, by its name; give one of {allowed}")
    return dict(without_prefixes(tensors, module.state_dict()))
