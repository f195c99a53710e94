"""The memory layout that a network runs in while a run trains."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from signbit.errors import first_line
from signbit.format import Preprocessing
from signbit.models import to_input
from signbit.progress import note
from signbit.train.recipe import Recipe

_IMAGES = 2  # a batch norm refuses to train on one


def fastest_format(
    name: str,
    module: nn.Module,
    preprocessing: Preprocessing,
    device: torch.device,
    recipe: Recipe | None = None,
) -> torch.memory_format:
    """channels_last where the module accepts it, else contiguous memory, which works everywhere.

    Convolutions train fastest in channels_last. But in that layout code such as `x.view(len(x),
    -1)` raises an error, and a kernel that ignores strides computes something else. So copies of
    the module score two images of noise in both layouts. Where channels_last fails, a note on
    standard error gives the reason. The module and the state of random numbers do not change.

    name: name of the module, for the note.
    recipe: the recipe that the module is trained by. Where given, a backward pass is tried too.
    """
    if not any(parameter.ndim == 4 for parameter in module.parameters()):
        return torch.contiguous_format
    shape = (_IMAGES, *preprocessing.size, preprocessing.channels)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    inputs = partial(to_input, pixels.to(device), preprocessing)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        reason = _failure(module, inputs, recipe)
    if reason is None:
        return torch.channels_last
    note(f"{name} runs in contiguous memory, since channels_last fails: {reason}")
    return torch.contiguous_format


def _failure(
    module: nn.Module, inputs: Callable[[torch.memory_format], Tensor], recipe: Recipe | None
) -> str | None:
    """The reason why a module must not run in channels_last; None where it may."""
    try:
        # The outputs are computed in float64. In float32 another order of additions could change a
        # sign.
        one, other = (
            _scores(module, inputs(layout), layout)
            for layout in (torch.contiguous_format, torch.channels_last)
        )
        if not torch.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True):
            return "the outputs differ"
        if recipe is not None:
            _go_backward(module, inputs(torch.channels_last), recipe)
    # A forward pass may raise any error. An error in both layouts is raised again in the run.
    except Exception as error:
        return f"{type(error).__name__}: {first_line(error)}"
    return None


@torch.no_grad()
def _scores(module: nn.Module, inputs: Tensor, layout: torch.memory_format) -> Tensor:
    return _copy(module, inputs.device, layout).double().eval()(inputs.double())


def _go_backward(module: nn.Module, inputs: Tensor, recipe: Recipe) -> None:
    copy = _copy(module, inputs.device, torch.channels_last).train()
    with torch.autocast(inputs.device.type, torch.bfloat16, recipe.precision == "bfloat16"):
        outputs = copy(inputs)
    outputs.sum().backward()


def _copy(module: nn.Module, device: torch.device, layout: torch.memory_format) -> nn.Module:
    return deepcopy(module).to(device, memory_format=layout)  # pyright: ignore
