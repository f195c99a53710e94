"""Rebuild a network from its architecture and the tensors of an untrusted file."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from signbit.errors import CheckpointError, SignbitError, UsageError, first_line
from signbit.format import Preprocessing
from signbit.models._registry import Architecture

MAX_LISTED = 20
MAX_KEY = 100
_FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def blueprint(architecture: Architecture) -> nn.Module:
    """The network in eval mode, on the meta device: its tensors have shapes, but no memory.

    Raises: UsageError for a wrong name or option.
    """
    try:
        with torch.device("meta"):
            return architecture.build().eval()
    except SignbitError:
        raise
    # Sizes whose product exceeds 64 bits; options of unexpected types.
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise UsageError(
            f"model {architecture.name!r} cannot be built with {architecture.options}: "
            f"{first_line(error)}"
        ) from error


def check_preprocessing(module: nn.Module, preprocessing: Preprocessing) -> None:
    """Check that a network accepts the images of a preprocessing, and scores its classes.

    module: a `blueprint`. One image is run through it; on the meta device nothing is computed.

    Raises: UsageError if the network does not accept such an image, returns anything but scores
        of shape (N, classes), or scores another number of classes.
    """
    height, width = preprocessing.size
    image = torch.empty(1, preprocessing.channels, height, width, device="meta")
    try:
        with torch.no_grad():
            scores = module(image)
    except (SignbitError, RuntimeError, TypeError, ValueError, ArithmeticError) as error:
        raise UsageError(
            f"preprocessing: the model does not accept images of {height}x{width} with "
            f"{preprocessing.channels} channels: {first_line(error)}"
        ) from error
    if not isinstance(scores, Tensor) or scores.ndim != 2:
        found = f"shape {_shape(scores)}" if isinstance(scores, Tensor) else type(scores).__name__
        raise UsageError(f"the model returns {found}; it must return scores of shape (N, classes)")
    named = len(preprocessing.classes)
    if named not in (0, scores.shape[1]):
        raise UsageError(
            f"preprocessing: it names {named} classes, but the model scores {scores.shape[1]}"
        )


def fill(
    path: str, module: nn.Module, architecture: Architecture, tensors: Mapping[str, Tensor]
) -> None:
    """Put the tensors of a file into a blueprint, converted to the types of the blueprint.

    path: the name of the file in messages.

    Raises: CheckpointError that names the file and the keys that are missing, unexpected, of
        another shape or type, or not finite.
    """
    wanted = module.state_dict()
    # Checkpoints older than torch 0.4.1 lack this counter. Eval mode never reads it.
    counters = [key for key in wanted if key.endswith("num_batches_tracked")]
    found = {key: torch.tensor(0) for key in counters} | dict(tensors)
    problems = _differences(wanted, found)
    if problems:
        raise CheckpointError(
            f"{path} does not fit model {architecture.name!r} with options "
            f"{architecture.options}: {'; '.join(problems)}"
        )
    converted = {key: found[key].to(wanted[key].dtype).contiguous() for key in wanted}
    broken = [_plain(key) for key, value in converted.items() if not value.isfinite().all()]
    if broken:
        raise CheckpointError(
            f"{path}: {_listed(broken)} {'have' if len(broken) > 1 else 'has'} NaN or infinite "
            "values; the training diverged, or the file is damaged"
        )
    module.load_state_dict(converted, assign=True)


def _differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """The reasons, in words, why `found` cannot be loaded."""
    both = [key for key in wanted if key in found]
    kinds = {
        "missing": [_plain(key) for key in wanted if key not in found],
        "unexpected": [_plain(key) for key in found if key not in wanted],
        "wrong shape": [
            f"{_plain(key)} is {_shape(found[key])}, the model has {_shape(wanted[key])}"
            for key in both
            if found[key].shape != wanted[key].shape
        ],
        "wrong type": [
            f"{_plain(key)} is {_type(found[key])}, the model has {_type(wanted[key])}"
            for key in both
            if not _convertible(found[key], wanted[key])
        ],
    }
    return [f"{kind}: {_listed(keys)}" for kind, keys in kinds.items() if keys]


def _convertible(found: Tensor, wanted: Tensor) -> bool:
    dense = found.layout is torch.strided and not found.is_meta
    return dense and found.dtype in (_FLOATS if wanted.is_floating_point() else _INTEGERS)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _type(tensor: Tensor) -> str:
    kinds = {"sparse": tensor.layout is not torch.strided, "without values": tensor.is_meta}
    return " ".join([str(tensor.dtype), *(kind for kind, holds in kinds.items() if holds)])


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - MAX_LISTED} more" if len(keys) > MAX_LISTED else ""
    return ", ".join(keys[:MAX_LISTED]) + more


def _plain(key: str) -> str:
    """A key as text for a message: the name of a tensor in a file can be anything."""
    shown = key if key.isprintable() and key else repr(key)
    return shown if len(shown) <= MAX_KEY else f"{shown[:MAX_KEY]}..."
