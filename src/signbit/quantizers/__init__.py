"""Sign functions with their pseudo-gradients."""

from signbit.quantizers._base import AbstractQuantizer, create, quantizers, set_progress
from signbit.quantizers.approx_sign import ApproxSign, approx_sign
from signbit.quantizers.identity import Identity
from signbit.quantizers.ste_sign import SteSign, ste_sign
from signbit.quantizers.stochastic_sign import StochasticSign, stochastic_sign
from signbit.quantizers.swish_sign import SwishSign, swish_sign

__all__ = [
    "AbstractQuantizer",
    "ApproxSign",
    "Identity",
    "SteSign",
    "StochasticSign",
    "SwishSign",
    "approx_sign",
    "create",
    "quantizers",
    "set_progress",
    "ste_sign",
    "stochastic_sign",
    "swish_sign",
]
