"""Divide the parameters among the optimizers, and into groups with and without weight decay."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from signbit.layers import latent_weights
from signbit.train._field_types import NotNegative, Rate, Settings
from signbit.train._patterns import matches
from signbit.train.optimizers._base import AbstractOptimizer, AbstractRealOptimizer

_WITH_WEIGHTS = (nn.Linear, _ConvNd, _ConvTransposeNd)


class Group(Settings):
    """The settings of parameters with certain names.

    lr_factor: their learning rate, as a multiple of the learning rate of their optimizer.
    weight_decay: their weight decay; null for the usual one.
    """

    lr_factor: Rate = 1.0
    weight_decay: NotNegative | None = None


def build_optimizers(
    model: nn.Module,
    optimizer: AbstractRealOptimizer,
    latent: AbstractOptimizer | None,
    by_name: Mapping[str, Group] | None = None,
) -> list[torch.optim.Optimizer]:
    """The optimizer of the recipe, and the optimizer of the latent weights if they have their own.

    Only weights of convolutions and linear layers decay. Batch norms, biases and scales do not.
    Parameters without a gradient are left out. If there are two optimizers, one that would have no
    parameters is left out too.

    model: the network whose parameters are trained.
    optimizer: the settings of the optimizer of all parameters, or of all except latent weights.
    latent: the settings of the optimizer of latent weights; None if `optimizer` trains them too.
    by_name: patterns of names, and the settings for them. The first pattern that matches counts.
    """
    signs = [weight for _, weight in latent_weights(model) if weight.requires_grad]
    fused = all(parameter.is_cuda for parameter in model.parameters())
    own = optimizer if latent is None else latent
    decay = own.latent_weight_decay if isinstance(own, AbstractRealOptimizer) else 0.0
    groups, of_signs = _groups_of_others(model, signs, optimizer.weight_decay), _group(signs, decay)
    chosen: list[tuple[AbstractOptimizer, list[dict[str, Any]]]] = [(optimizer, groups + of_signs)]
    if latent is not None:
        chosen = [(optimizer, groups), (latent, of_signs)]
    return [
        settings.build(_divided(its_groups, model, by_name or {}, settings.lr), fused)
        for settings, its_groups in chosen
        if its_groups or latent is None
    ]


def _divided(
    groups: list[dict[str, Any]], model: nn.Module, by_name: Mapping[str, Group], lr: float
) -> list[dict[str, Any]]:
    """The groups; parameters that match a pattern come last, in groups with their own settings."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    kept, changed = [], []
    for group in groups:
        parts: dict[str | None, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            fits = (pattern for pattern in by_name if matches(names[id(parameter)], [pattern]))
            parts.setdefault(next(fits, None), []).append(parameter)
        for pattern, parameters in parts.items():
            part = {**group, "params": parameters}
            if pattern is None:
                kept.append(part)
                continue
            settings = by_name[pattern]
            part["lr"] = lr * settings.lr_factor
            if settings.weight_decay is not None:
                part["weight_decay"] = settings.weight_decay
            changed.append(part)
    return kept + changed


def _groups_of_others(
    model: nn.Module, signs: list[nn.Parameter], decay: float
) -> list[dict[str, Any]]:
    """Two groups of the parameters other than latent weights: with and without weight decay."""
    taken = set(map(id, signs))
    weights = {id(m.weight) for m in model.modules() if isinstance(m, _WITH_WEIGHTS)}
    free = [p for p in model.parameters() if p.requires_grad and id(p) not in taken]
    return [
        *_group([parameter for parameter in free if id(parameter) in weights], decay),
        *_group([parameter for parameter in free if id(parameter) not in weights], 0.0),
    ]


def _group(parameters: list[nn.Parameter], decay: float) -> list[dict[str, Any]]:
    return [{"params": parameters, "weight_decay": decay}] if parameters else []
