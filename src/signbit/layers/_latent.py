"""Find the latent weights of a network, and keep them where the estimator passes gradients."""

from collections.abc import Iterator

import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers._binary import BinaryLayer


def latent_weights(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The path of each layer with binary weights in `model`, and its latent weight.

    A weight that several layers share is yielded once, with the path of the first layer.
    """
    seen: set[int] = set()
    for name, module in model.named_modules():
        if isinstance(module, BinaryLayer) and module.has_binary_weight:
            if id(module.weight) not in seen:
                yield name, module.weight
            seen.add(id(module.weight))


@torch.no_grad()
def clip_latent_weights(model: nn.Module, bound: float = 1.0) -> None:
    """Clamp every latent weight to [-bound, bound], in place. Call it after each step.

    The clipped estimator passes no gradient beyond the bound, so a weight there could never change
    its sign again. Weights without requires_grad, real-valued weights and biases do not change.

    bound: the `clip` of the weight quantizer.

    Raises: UsageError if bound is not positive.
    Source: BinaryConnect, arXiv:1511.00363, section 2.4.
    """
    if not bound > 0:
        raise UsageError(f"the bound of latent weights is {bound!r}; give a positive number")
    for _, weight in latent_weights(model):
        if weight.requires_grad:
            weight.clamp_(-bound, bound)
