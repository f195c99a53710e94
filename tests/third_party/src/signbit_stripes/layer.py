"""A step of two values, as an operator of its own."""

from typing import Any

import torch
from torch import Tensor, nn


@torch.library.custom_op("stripes::step", mutates_args=())
def step(x: Tensor, low: float) -> Tensor:
    """1 where x > 0, else `low`."""
    return torch.where(x > 0, 1.0, low).to(x.dtype)


@step.register_fake
def _(x: Tensor, low: float) -> Tensor:
    return torch.empty_like(x)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[0])


def _gradient(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
    (x,) = ctx.saved_tensors
    return gradient * (x.abs() <= 1), None


step.register_autograd(_gradient, setup_context=_keep)


class Step(nn.Module):
    """1 where an angle in degrees is above 0, else `low`; any shape."""

    def __init__(self, low: float = 0.25):
        super().__init__()
        self.low = low

    def forward(self, x: Tensor) -> Tensor:
        """The step."""
        return step(x.deg2rad(), self.low)
