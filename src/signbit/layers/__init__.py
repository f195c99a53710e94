"""Layers with binary weights and activations."""

from signbit.layers._binary import BinaryLayer
from signbit.layers._latent import clip_latent_weights, latent_weights
from signbit.layers.conv import BinaryConv1d, BinaryConv2d, BinaryConv3d
from signbit.layers.linear import BinaryLinear

__all__ = [
    "BinaryConv1d",
    "BinaryConv2d",
    "BinaryConv3d",
    "BinaryLayer",
    "BinaryLinear",
    "clip_latent_weights",
    "latent_weights",
]
