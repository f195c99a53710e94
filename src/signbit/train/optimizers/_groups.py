"""Divide the parameters among the optimizers, with and without weight decay."""

from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from signbit.layers import latent_weights
from signbit.train.optimizers._base import AbstractOptimizer, AbstractRealOptimizer

_WITH_WEIGHTS = (nn.Linear, _ConvNd, _ConvTransposeNd)


def build_optimizers(
    model: nn.Module, optimizer: AbstractRealOptimizer, latent: AbstractOptimizer | None
) -> list[torch.optim.Optimizer]:
    """The optimizer of the recipe, and that of the latent weights where they have their own.

    Weights of convolutions and linear layers decay; batch norms, biases and scales never do.
    Parameters without a gradient are left out, and so is an optimizer without parameters.
    """
    signs = [weight for _, weight in latent_weights(model) if weight.requires_grad]
    fused = all(parameter.is_cuda for parameter in model.parameters())
    own = optimizer if latent is None else latent
    decay = own.latent_weight_decay if isinstance(own, AbstractRealOptimizer) else 0.0
    groups, of_signs = _groups_of_others(model, signs, optimizer.weight_decay), _group(signs, decay)
    if latent is None:
        return [optimizer.build(groups + of_signs, fused)]
    chosen = ((optimizer, groups), (latent, of_signs))
    return [settings.build(its_groups, fused) for settings, its_groups in chosen if its_groups]


def _groups_of_others(
    model: nn.Module, signs: list[nn.Parameter], decay: float
) -> list[dict[str, Any]]:
    """The parameters other than latent weights: those that decay, and the rest."""
    taken = set(map(id, signs))
    weights = {id(m.weight) for m in model.modules() if isinstance(m, _WITH_WEIGHTS)}
    free = [p for p in model.parameters() if p.requires_grad and id(p) not in taken]
    return [
        *_group([parameter for parameter in free if id(parameter) in weights], decay),
        *_group([parameter for parameter in free if id(parameter) not in weights], 0.0),
    ]


def _group(parameters: list[nn.Parameter], decay: float) -> list[dict[str, Any]]:
    return [{"params": parameters, "weight_decay": decay}] if parameters else []
