"""Sign functions with their pseudo-gradients."""

from signbit.quantizers._base import AbstractQuantizer, Choice, create, quantizers, set_progress
from signbit.quantizers.adabin_sign import AdabinSign
from signbit.quantizers.adabin_weight import AdabinWeight
from signbit.quantizers.approx_sign import ApproxSign, approx_sign
from signbit.quantizers.dorefa_sign import DorefaSign
from signbit.quantizers.ede_sign import EdeSign, ede_sign
from signbit.quantizers.identity import Identity
from signbit.quantizers.magnitude_aware_sign import MagnitudeAwareSign
from signbit.quantizers.plus_sign import PlusSign, plus_sign
from signbit.quantizers.relu import Relu
from signbit.quantizers.reste_sign import ResteSign, reste_sign
from signbit.quantizers.rule_sign import RuleSign
from signbit.quantizers.standardized_sign import StandardizedSign
from signbit.quantizers.ste_sign import SteSign, ste_sign
from signbit.quantizers.stochastic_sign import StochasticSign, stochastic_sign
from signbit.quantizers.swish_sign import SwishSign, swish_sign
from signbit.quantizers.torch_sign import TorchSign, torch_sign
from signbit.quantizers.xnor_sign import XnorSign

__all__ = [
    "AbstractQuantizer",
    "AdabinSign",
    "AdabinWeight",
    "ApproxSign",
    "Choice",
    "DorefaSign",
    "EdeSign",
    "Identity",
    "MagnitudeAwareSign",
    "PlusSign",
    "Relu",
    "ResteSign",
    "RuleSign",
    "StandardizedSign",
    "SteSign",
    "StochasticSign",
    "SwishSign",
    "TorchSign",
    "XnorSign",
    "approx_sign",
    "create",
    "ede_sign",
    "plus_sign",
    "quantizers",
    "reste_sign",
    "set_progress",
    "ste_sign",
    "stochastic_sign",
    "swish_sign",
    "torch_sign",
]
