"""Binary convolutions for make_lce_golden.py, which sets their weights: each kind, and chains."""

from collections.abc import Callable
from functools import partial
from typing import Any

import larq
import tensorflow as tf
from tf_keras import Input, Model, layers

Tensor = Any
MODELS: dict[str, Callable[[], Model]] = {}


def model(build: Callable[[], Model]) -> Callable[[], Model]:
    """Register a model under the name of the function that builds it."""
    MODELS[build.__name__] = build
    return build


def binary(x: Tensor, channels: int, size: int = 3, **options: Any) -> Tensor:
    """Binary convolution of the signs of x; padded with +1 unless the options say otherwise."""
    defaults = {"padding": "same", "pad_values": 1.0, "use_bias": False}
    quantizers = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign"}
    return larq.layers.QuantConv2D(channels, size, **{**defaults, **quantizers, **options})(x)


def norm(x: Tensor) -> Tensor:
    """Batch norm."""
    return layers.BatchNormalization()(x)


def relu(x: Tensor) -> Tensor:
    """ReLU."""
    return layers.ReLU()(x)


def _convolution(side: tuple[int, int], channels: int, out: int, size: int, **options: Any):
    x = Input((*side, channels))
    return Model(x, binary(x, out, size, **options))


ZEROS, VALID = {"pad_values": 0.0}, {"padding": "valid"}
CONVOLUTIONS: dict[str, tuple[tuple[int, int], int, int, int, dict[str, Any]]] = {
    "conv_ones": ((5, 6), 3, 33, 3, {}),
    "conv_zeros": ((5, 6), 33, 5, 3, ZEROS),
    "conv_valid": ((5, 6), 40, 1, 3, VALID),
    "conv_ones_stride_odd": ((7, 5), 64, 3, 3, {"strides": 2}),
    "conv_ones_stride_even": ((6, 8), 32, 3, 3, {"strides": 2}),
    "conv_zeros_stride_even": ((6, 8), 33, 3, 3, {**ZEROS, "strides": 2}),
    "conv_zeros_stride_odd": ((7, 5), 3, 4, 3, {**ZEROS, "strides": 2}),
    "conv_valid_stride": ((6, 7), 64, 2, 3, {**VALID, "strides": (2, 1)}),
    "conv_ones_dilated": ((7, 6), 40, 3, 3, {"dilation_rate": 2}),
    "conv_zeros_dilated": ((7, 6), 33, 3, 3, {**ZEROS, "dilation_rate": 2}),
    "conv_valid_dilated": ((7, 6), 3, 3, 3, {**VALID, "dilation_rate": (2, 1)}),
    "conv_pointwise": ((3, 4), 100, 64, 1, {}),
    "conv_pointwise_stride": ((5, 4), 33, 5, 1, {**ZEROS, "strides": 2}),
    "conv_5x5_ones": ((4, 6), 33, 3, 5, {}),
    # Where the kernel is as high as the map, Larq Compute Engine pads with zeros wrongly.
    "conv_5x5_zeros": ((6, 7), 3, 33, 5, ZEROS),
    "conv_3x1_zeros": ((5, 4), 7, 2, (3, 1), ZEROS),
    "conv_bias": ((4, 4), 16, 6, 3, {"use_bias": True}),
    "conv_scaled": ((4, 4), 20, 6, 3, {"kernel_quantizer": "magnitude_aware_sign"}),
    "conv_relu_fused": ((4, 4), 20, 6, 3, {"activation": "relu"}),
    "conv_zeros_relu_fused": ((4, 4), 20, 6, 3, {**ZEROS, "activation": "relu"}),
    "conv_approx_sign": ((4, 4), 9, 4, 3, {"input_quantizer": "approx_sign"}),
    "conv_relu6_fused": ((4, 4), 5, 6, 3, {"activation": tf.nn.relu6}),
    "conv_clip_fused": ((4, 4), 5, 6, 3, {"activation": lambda x: tf.clip_by_value(x, -1, 1)}),
    "conv_grouped_zeros": ((4, 5), 64, 6, 3, {**ZEROS, "groups": 2}),
    "conv_grouped": ((4, 5), 64, 6, 3, {"groups": 2}),
    # Larq Compute Engine has no groups of 5 channels: the converter writes a real convolution.
    "conv_grouped_as_real": ((4, 5), 10, 4, 3, {"groups": 2}),
    "conv_heaviside": ((4, 4), 9, 4, 3, {"input_quantizer": "ste_heaviside"}),
}
MODELS |= {name: partial(_convolution, *one[:4], **one[4]) for name, one in CONVOLUTIONS.items()}


def _chain(middle: Callable[[Tensor], Tensor], **options: Any) -> Model:
    """Two binary convolutions; what is between them decides the bits that the first writes."""
    x = Input((5, 6, 20))
    y = middle(binary(x, 40, **options))
    return Model(x, binary(y, 4, **options))


BLOCKS = {"norm": norm, "relu_norm": lambda x: norm(relu(x)), "norm_relu": lambda x: relu(norm(x))}
CHAINS: dict[str, tuple[Callable[[Tensor], Tensor], dict[str, Any]]] = {
    "chain_norm": (norm, {}),
    "chain_nothing": (lambda x: x, {}),
    "chain_relu_norm": (BLOCKS["relu_norm"], {}),
    "chain_norm_relu": (BLOCKS["norm_relu"], {}),
    "chain_valid": (norm, VALID),
    "chain_zeros": (norm, ZEROS),
    "chain_bias": (norm, {"use_bias": True}),
    "chain_scaled": (norm, {"kernel_quantizer": "magnitude_aware_sign"}),
    "chain_pool": (lambda x: norm(layers.MaxPool2D(2, 2, "valid")(x)), {}),
    "chain_norm_pool": (lambda x: layers.MaxPool2D(2, 2, "same")(norm(x)), {}),
    "chain_norm_pool_3": (lambda x: layers.MaxPool2D(3, 2, "same")(norm(x)), {}),
    "chain_norm_pool_valid": (lambda x: layers.MaxPool2D(3, (2, 1), "valid")(norm(x)), {}),
}
MODELS |= {name: partial(_chain, middle, **some) for name, (middle, some) in CHAINS.items()}


@model
def chain_grouped() -> Model:
    """Bits in groups: the second convolution reads two groups of 32 channels."""
    x = Input((4, 4, 12))
    return Model(x, norm(binary(norm(binary(x, 64)), 6, groups=2)))


@model
def pool_bits() -> Model:
    """A max pool of the input's signs, then a convolution."""
    x = Input((5, 7, 33))
    return Model(x, binary(layers.MaxPool2D(2, 2, "same")(x), 4))


@model
def norm_of_output() -> Model:
    """Batch norm after the last convolution: multiplier and bias of the operator."""
    x = Input((4, 5, 12))
    return Model(x, norm(binary(x, 8)))


@model
def norm_of_output_relu() -> Model:
    """ReLU after batch norm cannot be the operator's own."""
    x = Input((4, 5, 12))
    return Model(x, relu(norm(binary(x, 8))))


@model
def relu_norm_zeros() -> Model:
    """ReLU, then batch norm, at zero padding: the sums are clamped after the correction."""
    x = Input((4, 5, 12))
    return Model(x, norm(relu(binary(x, 8, **ZEROS))))


@model
def real_input_chain() -> Model:
    """A real convolution with batch norm, whose signs are read."""
    x = Input((8, 8, 3))
    y = norm(layers.Conv2D(16, 3, padding="same", use_bias=False)(x))
    return Model(x, norm(binary(y, 8)))


@model
def sign_at_output() -> Model:
    """The output is a map of signs."""
    x = Input((4, 4, 12))
    return Model(x, larq.quantizers.SteSign()(norm(binary(x, 40))))


@model
def shared_sign() -> Model:
    """Two convolutions read the same signs; a third value reads the numbers."""
    x = Input((4, 4, 12))
    y = norm(binary(x, 33))
    return Model(x, layers.Concatenate()([binary(y, 3), binary(y, 4, 1), y]))
