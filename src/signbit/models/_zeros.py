"""Decide about zeros in an old checkpoint: weights and channels whose sign the network takes.

The code that wrote the file used torch.sign, whose third value is 0. Here a sign is -1 or +1. The
choice for the zeros changes the scores, so the caller who loads the file must make it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from signbit.errors import CheckpointError
from signbit.format import Preprocessing
from signbit.layers import BinaryLayer, latent_weights
from signbit.models._input import to_input

Zeros = Literal["minus", "plus"]
_LISTED = 5
_SIGNS = {"minus": "-1", "plus": "+1"}


@torch.no_grad()
def decide_zeros(
    path: str, module: nn.Module, preprocessing: Preprocessing, zeros: Zeros | None
) -> str:
    """Decide whether zeros whose sign the network takes count as -1 or +1; returns a note.

    The zeros are latent weights, and channels of a batch norm whose weight and bias are both zero.
    The output of such a channel is zero for every image. It counts only if a layer takes its sign
    directly, and not if a number is added to it first. For -1, a zero stays unchanged. For +1, it
    becomes the smallest normal number of its type. The note is '' if there are no zeros.

    module: the network, in eval mode, on the CPU.
    path: the name of the file in messages.

    Raises: CheckpointError with layers and counts if there are zeros and `zeros` is None.
    """
    found = [
        *(
            (f"{name}.weight", _count(zero, "of {} weights", zero.numel()), weight, zero)
            for name, layer in _binary_layers(module)
            for weight, zero in [(layer.weight, _deciding_zeros(layer))]
        ),
        *(
            (name, _count(zero, "constant channels of {}", zero.numel()), norm.bias, zero)
            for name, norm, zero in _constant_channels(module, preprocessing)
        ),
    ]
    found = [part for part in found if part[3].any()]
    if not found:
        return ""
    places = ", ".join(f"{name} ({count})" for name, count, _, _ in found[:_LISTED])
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    if zeros is None:
        raise CheckpointError(
            f"{path}: has exact zeros where the network takes a sign: {places}{more}. The code "
            "that wrote the file used 0 as a third value, but a sign here is -1 or +1; choose "
            "--zeros minus or --zeros plus (load_model(..., zeros=...)), and measure the accuracy "
            "again"
        )
    if zeros == "plus":
        for _, _, tensor, zero in found:
            tensor[zero] = torch.finfo(tensor.dtype).tiny
    return f"{path}: exact zeros count as {_SIGNS[zeros]}: {places}{more}"


def _count(zero: Tensor, text: str, total: int) -> str:
    return f"{int(zero.sum())} {text.format(total)}"


def _binary_layers(module: nn.Module) -> Iterator[tuple[str, BinaryLayer]]:
    """The layers whose weights are bits; of layers that share a weight, the first."""
    for name, _ in latent_weights(module):
        layer = module.get_submodule(name)
        assert isinstance(layer, BinaryLayer)
        yield name, layer


def _deciding_zeros(layer: BinaryLayer) -> Tensor:
    """Which weights are zero, and have a sign that depends on the choice for zeros."""
    assert layer.weight_quantizer is not None
    weight, tiny = layer.weight.detach(), torch.finfo(layer.weight.dtype).tiny
    zero = weight == 0
    if not zero.any():
        return zero
    above, below = (
        layer.weight_quantizer.signs(torch.where(zero, number, weight)) for number in (tiny, -tiny)
    )
    return zero & (above != below)


def _constant_channels(
    module: nn.Module, preprocessing: Preprocessing
) -> Iterator[tuple[str, _BatchNorm, Tensor]]:
    """Batch norms with channels that are always zero and whose sign a layer takes directly.

    A trial finds them: one image is run with the zeros, and again with tiny numbers in their place.
    A sum with another number swallows a tiny number, so the signs differ only if nothing was added.
    All channels of a batch norm take the same path, so one trial is enough for all of them.
    """
    pixels = torch.randint(
        256,
        (1, *preprocessing.size, preprocessing.channels),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    image, before = to_input(pixels, preprocessing), None
    for name, norm in module.named_modules():
        if not isinstance(norm, _BatchNorm) or not norm.affine:
            continue
        zero = (norm.weight == 0) & (norm.bias == 0)
        if not zero.any():
            continue
        before = _signs(module, image) if before is None else before
        norm.bias[zero] = torch.finfo(norm.bias.dtype).tiny
        after = _signs(module, image)
        norm.bias[zero] = 0
        if any(not one.equal(other) for one, other in zip(before, after, strict=True)):
            yield name, norm, zero


def _signs(module: nn.Module, image: Tensor) -> list[Tensor]:
    """The binary input of each layer that has one."""
    seen: list[Tensor] = []
    with _watched(module, seen):
        module(image)
    return seen


@contextmanager
def _watched(module: nn.Module, seen: list[Tensor]) -> Iterator[None]:
    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, BinaryLayer)
        seen.append(layer.quantized_input(inputs[0]).clone())

    layers = (m for m in module.modules() if isinstance(m, BinaryLayer) and m.has_binary_input)
    handles = [layer.register_forward_pre_hook(keep) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
