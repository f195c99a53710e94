"""Choose the memory layout in which a network is trained."""

from copy import deepcopy
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn

from signbit.errors import first_line
from signbit.format import Preprocessing
from signbit.models import in_memory_format, to_input
from signbit.progress import note
from signbit.train._batch import call, tensors_in
from signbit.train.recipe import Recipe

_IMAGES = 2  # a batch norm refuses to train on one image
_SEED = 0


def in_layout(inputs: Any, memory_format: torch.memory_format) -> Any:
    """The inputs, with their tensors of four axes in the given memory layout."""
    return apply_to_collection(
        inputs, Tensor, lambda one: in_memory_format(one, memory_format) if one.ndim == 4 else one
    )


def noise(preprocessing: Preprocessing, device: torch.device) -> Tensor:
    """Two images of noise as the input of a network."""
    shape = (_IMAGES, *preprocessing.size, preprocessing.channels)
    generator = torch.Generator().manual_seed(_SEED)
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    return to_input(pixels.to(device), preprocessing)


def few(inputs: Any) -> Any:
    """The first two samples of a batch, with noise in place of real maps.

    In a flat region of a picture, a sum may be zero except for rounding. Its sign then depends on
    the order of the additions. Noise has no such regions.
    """
    generator = torch.Generator().manual_seed(_SEED)
    rows = {one.shape[:1] for one in tensors_in(inputs)}

    def chosen(one: Tensor) -> Tensor:
        part = one[:_IMAGES] if len(rows) == 1 else one
        if part.ndim != 4 or not part.is_floating_point():
            return part
        return torch.randn(part.shape, generator=generator).to(part.dtype)

    return apply_to_collection(inputs, Tensor, chosen)


def fastest_format(
    name: str,
    module: nn.Module,
    inputs: Any,
    device: torch.device,
    recipe: Recipe | None = None,
) -> torch.memory_format:
    """channels_last if the module accepts it, otherwise contiguous memory, which always works.

    Convolutions train fastest in channels_last. But in that layout, code such as `x.view(len(x),
    -1)` raises an error, and a kernel that ignores strides computes wrong numbers. So copies of the
    module score a few inputs in both layouts. If channels_last fails, a note on standard error
    gives the reason. The module and the state of random numbers do not change.

    name: the name of the module in the note.
    inputs: a small batch, such as `noise` or `few`. Without a tensor of four axes, the layout is
        contiguous.
    recipe: the recipe that trains the module. If it is given, a backward pass is tried too.
    """
    maps = any(one.ndim == 4 for one in tensors_in(inputs))
    if not maps or not any(parameter.ndim == 4 for parameter in module.parameters()):
        return torch.contiguous_format
    inputs = apply_to_collection(inputs, Tensor, Tensor.to, device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        reason = _failure(module, inputs, device, recipe)
    if reason is None:
        return torch.channels_last
    note(f"{name} runs in contiguous memory, because channels_last fails: {reason}")
    return torch.contiguous_format


def _failure(
    module: nn.Module, inputs: Any, device: torch.device, recipe: Recipe | None
) -> str | None:
    """The reason why a module cannot run in channels_last; None if it can."""
    try:
        # The outputs are computed in float64. In float32, another order of the additions could
        # change a sign.
        one, other = (
            _scores(module, in_layout(inputs, layout), device, layout)
            for layout in (torch.contiguous_format, torch.channels_last)
        )
        if not _alike(one, other):
            return "the outputs differ"
        if recipe is not None:
            _go_backward(module, in_layout(inputs, torch.channels_last), device, recipe)
    # A forward pass may raise any error. An error in both layouts is raised again in the run.
    except Exception as error:
        return f"{type(error).__name__}: {first_line(error)}"
    return None


def _alike(one: Any, other: Any) -> bool:
    pairs = zip(tensors_in(one), tensors_in(other), strict=True)
    return all(torch.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True) for a, b in pairs)


@torch.no_grad()
def _scores(
    module: nn.Module, inputs: Any, device: torch.device, layout: torch.memory_format
) -> Any:
    double = apply_to_collection(
        inputs, Tensor, lambda one: one.double() if one.is_floating_point() else one
    )
    return call(_copy(module, device, layout).double().eval(), double)


def _go_backward(module: nn.Module, inputs: Any, device: torch.device, recipe: Recipe) -> None:
    copy = _copy(module, device, torch.channels_last).train()
    with torch.autocast(device.type, torch.bfloat16, recipe.precision == "bfloat16"):
        outputs = call(copy, inputs)
    learning = [one for one in tensors_in(outputs) if one.requires_grad]
    torch.stack([one.sum() for one in learning]).sum().backward()


def _copy(module: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    return deepcopy(module).to(device, memory_format=layout)  # pyright: ignore
