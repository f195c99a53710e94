"""Write the tensors of the caller's own network into a file, and read them back."""

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

# The version of the metadata in our checkpoints.
VERSION = 1
_SAFETENSORS = ".safetensors"


def save_weights(path: Path, module: nn.Module, info: Mapping[str, Any]) -> None:
    """Write the parameters and buffers of a module as a `.safetensors` file with a digest.

    The file does not contain how to build the network. `load_weights` fills a network from it.

    info: facts for a reader, in types that JSON has.

    Raises: OutputError if the file cannot be written; an earlier file is then unchanged.
    """
    text = metadata_text({"version": VERSION, "info": dict(info)})
    atomic_write(path, to_bytes(contiguous_copies(module), text))


def load_weights(path: Path, module: nn.Module, architecture: Architecture) -> None:
    """Fill `module` with the state dict of a `.safetensors` file, or of a file from torch.save.

    Nothing in the file is executed. Prefixes such as `module.` are removed from its keys.

    path: a file, or a run folder, which stands for its `last.safetensors`.
    architecture: the name and options that messages show.

    Raises: CheckpointError that names the file and the keys that are missing or do not fit;
        UsageError if the name of the file is that of another kind.
    """
    tensors = read_weights(path, module)
    fill(printable(str(path)), module, architecture, tensors)


def read_weights(path: Path, module: nn.Module) -> dict[str, Tensor]:
    """The state dict of a file, with only those prefixes in its keys that `module` has too.

    path: as in `load_weights`.

    Raises: CheckpointError if the file is damaged; UsageError as in `load_weights`.
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
        raise UsageError(
            f"{shown}: its name is not that of a file of weights; give a file that ends in one of "
            f"{allowed}"
        )
    return dict(without_prefixes(tensors, module.state_dict()))
