"""Registered models at a size that tests can run, without a list of the models."""

import inspect
from typing import Any

import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import RPReLU, RSign
from signbit.models import create, models

# Options that make a network small; a model takes those that it has.
SMALL = {
    "inflation": 0.0625,
    "hidden": (24,),
    "width": 8,
    "widths": (8, 16),
    "blocks": (1, 2),
}

# Heights and widths of small images; a model gets the first that it accepts.
SIZES = ((16, 8), (36, 32))


def small_size(name: str) -> tuple[int, int]:
    """Height and width of the images for the small model."""
    for size in SIZES[:-1]:
        try:
            small(name, input_size=size)
        except UsageError:
            continue
        return size
    return SIZES[-1]


def small_options(name: str, **wanted: Any) -> dict[str, Any]:
    """Those of SMALL and `wanted` that the model has."""
    allowed = inspect.signature(models.get(name)).parameters
    return {option: value for option, value in (SMALL | wanted).items() if option in allowed}


def small(name: str, **wanted: Any) -> nn.Module:
    """The model, the same each time."""
    torch.manual_seed(0)
    return create(name, **small_options(name, **wanted))


def hostile(model: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """Parameters as bad as training may leave them, in eval mode: negative and zero gammas, shifts.

    shape: of an image. Statistics of batch norms are those of random images, so that signs stay
    mixed, and then moved.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            if module.affine:
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias, std=0.3)
                with torch.no_grad():
                    module.weight[::7] = 0.0
            module.momentum = 1.0
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, -0.2, 0.5)
        elif isinstance(module, RPReLU):
            nn.init.normal_(module.gamma, std=0.2)
            nn.init.uniform_(module.slope, -0.2, 0.5)
            nn.init.normal_(module.zeta, std=0.2)
        elif isinstance(module, RSign):
            nn.init.normal_(module.alpha, std=0.2)
    with torch.no_grad():
        model.train()(torch.rand(8, *shape) * 2 - 1)
    return model.eval()
