"""Read checkpoints of the older public BinaryNet code for PyTorch."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from signbit.errors import CheckpointError, UsageError, printable
from signbit.format import Preprocessing
from signbit.models._registry import Architecture, option, takes
from signbit.models._torch_file import read_torch_file
from signbit.pickles import Inert

LEGACY_SUFFIXES = (".pth.tar", ".pth", ".pt", ".tar")
# torch.nn.DataParallel, torch.compile and modules that hold the network put these before each key.
_PREFIXES = ("module.", "_orig_mod.", "model.")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
_MAX_WRAPPERS = 8

# That code normalised every data set with the statistics of ImageNet.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def is_legacy(path: Path | str) -> bool:
    """Whether the name of a file is that of an older checkpoint, such as `.pth.tar` or `.pt`."""
    return str(path).endswith(LEGACY_SUFFIXES)


def read_legacy(path: Path) -> dict[str, Tensor]:
    """The tensors of a `model_best.pth.tar` under their names.

    They may be in an entry 'state_dict', in another usual entry, or directly in the file. Only
    tensors and plain values are read. A file that would run code is refused.

    Raises: CheckpointError.
    """
    shown = printable(str(path))
    state = _state_dict(shown, read_torch_file(path))
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            name = repr(key[:100]) if isinstance(key, str) else f"with {type(key).__name__} as key"
            kind = printable(value.name) if isinstance(value, Inert) else type(value).__name__
            raise CheckpointError(
                f"{shown}: entry {name} of the state dict is {kind[:100]}; "
                "give tensors under their names"
            )
    return dict(state)


def _state_dict(shown: str, content: Any) -> Mapping[Any, Any]:
    """The state dict without the entries around it, such as {'epoch': 3, 'state_dict': ...}."""
    for _ in range(_MAX_WRAPPERS):
        if not isinstance(content, Mapping):
            break
        found = [key for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        if len(found) > 1:
            raise CheckpointError(
                f"{shown}: holds {' and '.join(map(repr, found))}, and does not say which one is "
                "the network; save only that one"
            )
        if not found:
            if not content or any(key in content for key in _WRAPPERS):
                break
            return content
        content = content[found[0]]
    raise CheckpointError(
        f"{shown}: no 'state_dict' with tensors in this file; save it again with "
        "torch.save(model.state_dict(), FILE)"
    )


def without_prefixes(tensors: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    """Tensors without the prefixes that wrappers put before each key, such as `module.`.

    wanted: the keys of the network. A prefix that one of them has is not removed.
    """
    tensors, wanted = dict(tensors), list(wanted)
    while prefix := next((p for p in _PREFIXES if _shared(p, tensors, wanted)), None):
        tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def _shared(prefix: str, tensors: Iterable[str], wanted: Iterable[str]) -> bool:
    ours = any(key.startswith(prefix) for key in wanted)
    keys = list(tensors)
    return bool(keys) and not ours and all(key.startswith(prefix) for key in keys)


def legacy_preprocessing(architecture: Architecture) -> Preprocessing:
    """The preprocessing of that code: pixels / 255, minus the mean, divided by the deviation.

    Raises: UsageError if the network does not accept 3 channels.
    """
    channels = option(architecture, "in_channels", len(_MEAN))
    if channels != len(_MEAN):
        changes = takes(architecture.name, "in_channels")
        way_out = f"; add --set model.in_channels={len(_MEAN)}" if changes else ""
        raise UsageError(
            f"the preprocessing of an old checkpoint is only known for {len(_MEAN)} channels, but "
            f"model {architecture.name!r} accepts {channels}{way_out}"
        )
    height, width = option(architecture, "input_size", (32, 32))
    return Preprocessing.from_mean_std(_MEAN, _STD, (height, width))


def legacy_input() -> tuple[Sequence[float], Sequence[float]]:
    """Scale and bias of each channel in the preprocessing of older checkpoints.

    Code of that kind divided pixels by 255 and normalised them with the statistics of ImageNet.
    """
    preprocessing = Preprocessing.from_mean_std(_MEAN, _STD, (1, 1))
    return preprocessing.scale, preprocessing.bias
