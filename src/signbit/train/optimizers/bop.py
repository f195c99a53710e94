"""An optimizer that flips binary weights and needs no latent weights."""

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
    """Flips a weight of -1 or +1 when its gradients have pushed against it for long enough.

    m = (1 - lr) m + lr * gradient;  w = -w where |m| > threshold and sign(m) = sign(w).

    When a parameter is added, its sign replaces it (zero becomes -1). It then stays -1 or +1. The
    gradient must pass through the quantizer at -1 and +1 with its sign unchanged. With `ste_sign`
    it does. The pseudo-gradient of `approx_sign` is 0 there, and that of `swish_sign` changes the
    sign.

    lr: the gamma of the paper, above 0 and up to 1: how fast old gradients are forgotten. It is the
        `lr` of a group, so that schedules lower it.
    threshold: the tau of the paper; a weight flips only if |m| is larger.

    Source: Bop, arXiv:1906.02107, algorithm 1.
    """

    def __init__(self, params: Any, lr: float, threshold: float):
        super().__init__(params, {"lr": lr, "threshold": threshold})

    @torch.no_grad()
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, and replace them by their signs."""
        super().add_param_group(param_group)
        for weight in self.param_groups[-1]["params"]:
            weight.copy_(torch.where(weight > 0, 1.0, -1.0))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore
        """Flip the weights that must flip. Nothing here waits for the device."""
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
        # A weight is -1 or +1, so its product with m is |m| if the signs agree, otherwise -|m|.
        weight.copy_(torch.where(momentum * weight > threshold, -weight, weight))


@optimizers.register("bop")
class Bop(AbstractOptimizer):
    """`BinaryOptimizer`, for `latent_optimizer`. `optimizer` of the recipe trains other weights.

    lr: gamma; the schedule scales it in the same way as the rate of the other optimizer.
    threshold: tau; a weight flips only if |m| is larger.
    """

    holds_signs = True

    name: Literal["bop"]
    lr: Annotated[Rate, Field(le=1)] = 1e-4
    threshold: NotNegative = 1e-8

    def check(self, model: nn.Module) -> None:
        """Raises: UsageError with a layer whose pseudo-gradient is not positive at -1 and +1."""
        for name, weight in latent_weights(model):
            layer = model.get_submodule(name)
            assert isinstance(layer, BinaryLayer)
            if not _passes_gradients(layer, weight):
                raise UsageError(
                    f"layer {name}: bop keeps weights at -1 and +1, but there the pseudo-gradient "
                    f"of {layer.weight_quantizer!r} is not positive at the start or at the end of "
                    "the training; give ste_sign as weight_quantizer, or another latent_optimizer"
                )

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        """Bop on the groups."""
        return BinaryOptimizer(groups, self.lr, self.threshold)


def _passes_gradients(layer: BinaryLayer, weight: torch.Tensor) -> bool:
    """Whether gradients pass with their own sign, at the start and at the end of the training."""
    signs = torch.where(weight.detach() > 0, 1.0, -1.0).requires_grad_()
    # The gradients must differ, because a quantizer that subtracts the mean cancels equal ones.
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
