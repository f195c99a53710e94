"""Figures about latent weights during the training."""

import torch
from torch import Tensor, nn

from signbit.layers import BinaryLayer, latent_weights


@torch.no_grad()
def signs(model: nn.Module) -> dict[str, Tensor]:
    """The sign bit of every binary weight, by layer."""
    return {name: _bits(model.get_submodule(name)) for name, _ in latent_weights(model)}


def _bits(layer: nn.Module) -> Tensor:
    assert isinstance(layer, BinaryLayer)
    assert layer.weight_quantizer is not None
    # Most quantizers compare with 0. The draws of a random quantizer do not count as flips.
    whole = layer.weight_quantizer.for_weights
    return (layer.quantized_weight() if whole else layer.weight.detach()) > 0


def flip_ratio(before: dict[str, Tensor], after: dict[str, Tensor]) -> dict[str, float]:
    """The share of binary weights that changed their sign, by layer, from 0 to 1.

    Source: the flips in the paper about Bop, arXiv:1906.02107.
    """
    return _shares({name: before[name] != after[name] for name in after})


def clip_ratio(model: nn.Module, bound: float) -> dict[str, float]:
    """The share of latent weights at the bound of the clamping, by layer, from 0 to 1."""
    return _shares({name: w.detach().abs() >= bound for name, w in latent_weights(model)})


def _shares(masks: dict[str, Tensor]) -> dict[str, float]:
    # All shares are read together, so that the program waits for the device only once.
    shares = [mask.sum() / max(mask.numel(), 1) for mask in masks.values()]
    return dict(zip(masks, torch.stack(shares).tolist() if shares else [], strict=True))
