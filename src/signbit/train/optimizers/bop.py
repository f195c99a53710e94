"""An optimizer that has no latent weights: it flips binary ones."""

from collections.abc import Callable
from copy import deepcopy
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryLayer, latent_weights
from signbit.quantizers import set_progress
from signbit.train._field_types import NotNegative, Rate
from signbit.train.optimizers._base import AbstractOptimizer, optimizers


class BinaryOptimizer(torch.optim.Optimizer):
    """Flips a weight of -1 or +1 once its gradients have pushed against it for long enough.

    m = (1 - lr) m + lr * gradient;  w = -w where |m| > threshold and sign(m) = sign(w).

    Every parameter becomes its sign on arrival (zero is -1) and stays -1 or +1. Gradients must
    reach it there with their own sign: `ste_sign` passes them at 1, `approx_sign` is flat there,
    `swish_sign` turns them round.

    lr: gamma of the paper, above 0 and up to 1: how fast old gradients are forgotten. It is a
        group's `lr`, so that schedules lower it.

    Source: Bop, arXiv:1906.02107, algorithm 1.
    """

    def __init__(self, params: Any, lr: float, threshold: float):
        super().__init__(params, {"lr": lr, "threshold": threshold})

    @torch.no_grad()
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take parameters in, as their signs."""
        super().add_param_group(param_group)
        for weight in self.param_groups[-1]["params"]:
            weight.copy_(torch.where(weight > 0, 1.0, -1.0))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore
        """Flip what has to be; nothing here waits for the device."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._flip(weight, group["lr"], group["threshold"])
        return loss

    def _flip(self, weight: torch.Tensor, lr: float, threshold: float) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(weight.grad, lr)
        # The weight is its own sign, so the product is |m| where the signs agree, else -|m|.
        weight.copy_(torch.where(momentum * weight > threshold, -weight, weight))


@optimizers.register("bop")
class Bop(AbstractOptimizer):
    """`BinaryOptimizer`, for `latent_optimizer`; the recipe's `optimizer` runs all other weights.

    lr: gamma; the schedule scales it as it scales the rate of the other optimizer.
    threshold: tau, which |m| has to exceed before a weight flips.
    """

    holds_signs = True

    name: Literal["bop"]
    lr: Annotated[Rate, Field(le=1)] = 1e-4
    threshold: NotNegative = 1e-8

    def check(self, model: nn.Module) -> None:
        """Raises: UsageError naming a layer whose quantizer does not rise at -1 and +1."""
        for name, weight in latent_weights(model):
            layer = model.get_submodule(name)
            assert isinstance(layer, BinaryLayer)
            if not _passes_gradients(layer, weight):
                raise UsageError(
                    f"layer {name}: bop holds weights at -1 and +1, where the pseudo-gradient of "
                    f"{layer.weight_quantizer!r} is not positive, or will not be at the end of "
                    "the training; give ste_sign as weight_quantizer, or another latent_optimizer"
                )

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """Bop on the groups."""
        return BinaryOptimizer(groups, self.lr, self.threshold)


def _passes_gradients(layer: BinaryLayer, weight: torch.Tensor) -> bool:
    """Whether gradients reach the weight's signs, and not turned round, all the training long."""
    signs = torch.where(weight.detach() > 0, 1.0, -1.0).requires_grad_()
    # Not all alike: a quantizer that subtracts the mean gives those no gradient.
    slopes = torch.linspace(-1, 1, signs.numel(), device=signs.device).view_as(signs)
    quantizer = deepcopy(layer.weight_quantizer)
    assert quantizer is not None
    for progress in (0.0, 1.0):
        set_progress(quantizer, progress)
        with torch.enable_grad():
            quantized = quantizer.signs(signs)
        (gradient,) = torch.autograd.grad(quantized, signs, slopes)
        if not (gradient * slopes).sum() > 0:
            return False
    return True
