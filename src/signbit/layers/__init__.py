"""Layers with binary weights and activations."""

from signbit.layers._binary import BinaryLayer
from signbit.layers._latent import clip_latent_weights, latent_weights
from signbit.layers.conv import BinaryConv1d, BinaryConv2d, BinaryConv3d
from signbit.layers.linear import BinaryLinear
from signbit.layers.r_sign import RSign
from signbit.layers.rp_relu import RPReLU

__all__ = [
    "BinaryConv1d",
    "BinaryConv2d",
    "BinaryConv3d",
    "BinaryLayer",
    "BinaryLinear",
    "RPReLU",
    "RSign",
    "clip_latent_weights",
    "latent_weights",
]
