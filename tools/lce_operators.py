"""Real operators for make_lce_golden.py, and models that the importer refuses."""

from collections.abc import Callable
from functools import partial

import larq
import numpy as np
import tensorflow as tf
from lce_models import MODELS, Tensor, binary, model, norm
from tf_keras import Input, Model, layers

PAIR = np.array([0.5, -1.5, 2.0], np.float32)
OPERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    "conv": layers.Conv2D(4, 3, padding="same"),
    "conv_relu": layers.Conv2D(4, 3, 2, "same", activation="relu"),
    "conv_relu6": layers.Conv2D(4, 3, 2, activation=lambda x: tf.nn.relu6(9 * x)),
    "conv_dilated": layers.Conv2D(4, 3, padding="same", dilation_rate=2),
    "conv_grouped": layers.Conv2D(6, 3, padding="same", groups=3),
    "conv_transposed": layers.Conv2DTranspose(4, 3, 2, "same"),
    "depthwise": layers.DepthwiseConv2D(3, padding="same", activation="relu"),
    "depthwise_multiplier": layers.DepthwiseConv2D(3, 2, depth_multiplier=2),
    "depthwise_dilated": layers.DepthwiseConv2D(3, padding="same", dilation_rate=2),
    "dense": lambda x: layers.Dense(4)(layers.Dense(6, activation="relu")(layers.Flatten()(x))),
    "dense_of_map": layers.Dense(4),
    "norm": norm,
    "add_constant": lambda x: x + PAIR,
    "multiply_constant": lambda x: x * PAIR,
    "subtract_from_constant": lambda x: PAIR - x,
    "divide_constant": lambda x: x / PAIR,
    "add": lambda x: x + tf.nn.relu(x),
    "add_relu": lambda x: tf.nn.relu(x + x[:, ::-1]),
    "subtract": lambda x: x - tf.nn.relu(x),
    "multiply": lambda x: x * tf.tanh(x),
    "multiply_map": lambda x: x * tf.reduce_mean(x, (1, 2), keepdims=True),
    "maximum": lambda x: tf.maximum(x, -x),
    "minimum_constant": lambda x: tf.minimum(x, 0.25),
    "relu": layers.ReLU(),
    "relu6": lambda x: tf.nn.relu6(4 * x),
    "relu1": lambda x: tf.clip_by_value(x, -1, 1),
    "prelu": layers.PReLU(shared_axes=[1, 2]),
    "prelu_of_map": layers.PReLU(),
    "leaky_relu": layers.LeakyReLU(0.1),
    "elu": layers.ELU(),
    "gelu": tf.nn.gelu,
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "swish": tf.nn.silu,
    "hard_swish": lambda x: x * tf.nn.relu6(x + 3) * (1 / 6),
    "hard_sigmoid": lambda x: tf.nn.relu6(x + 3) * (1 / 6),
    "softmax": layers.Softmax(),
    "exp": tf.exp,
    "abs": tf.abs,
    "negative": tf.negative,
    "square": tf.square,
    "square_root": lambda x: tf.sqrt(tf.abs(x)),
    "max_pool_same": layers.MaxPool2D(3, 2, "same"),
    "max_pool_valid": layers.MaxPool2D(2, 2),
    "average_pool_same": layers.AveragePooling2D(3, 2, "same"),
    "average_pool_valid": layers.AveragePooling2D((2, 3), 1),
    "mean": layers.GlobalAveragePooling2D(),
    "mean_keeps": layers.GlobalAveragePooling2D(keepdims=True),
    "mean_of_channels": lambda x: tf.reduce_mean(x, -1, keepdims=True),
    "sum": lambda x: tf.reduce_sum(x, (1, 2)),
    "global_max": layers.GlobalMaxPooling2D(),
    "pad": layers.ZeroPadding2D(((1, 2), (0, 1))),
    "pad_constant": lambda x: tf.pad(x, [[0, 0], [1, 0], [2, 1], [0, 0]], constant_values=1.0),
    "pad_mirror": lambda x: tf.pad(x, [[0, 0], [1, 1], [2, 1], [0, 0]], "REFLECT"),
    "reshape": layers.Reshape((6, 5, 3)),
    "flatten": layers.Flatten(),
    "transpose": layers.Permute((3, 1, 2)),
    "concat": lambda x: tf.concat([x, tf.nn.relu(x)], -1),
    "concat_rows": lambda x: tf.concat([x, tf.nn.relu(x)], 1),
    "slice": lambda x: x[:, 1:, :4, 1:],
    "strided_slice": lambda x: x[:, 1::2, ::3, ::-1],
    "split": lambda x: tf.subtract(*tf.split(x, 2, axis=2)),
    "stack": lambda x: tf.stack([x, tf.nn.relu(x)], 1),
    "one_row": lambda x: x[:, 2],
    "shuffle": lambda x: tf.reshape(
        tf.transpose(tf.reshape(x, (-1, 5, 2, 3, 3)), (0, 1, 3, 2, 4)), (-1, 5, 6, 3)
    ),
    "space_to_depth": lambda x: tf.nn.space_to_depth(x[:, :4], 2),
    "resize_nearest": layers.UpSampling2D(2),
    "resize_bilinear": layers.UpSampling2D(2, interpolation="bilinear"),
}


def _operator(operator: Callable[[Tensor], Tensor]) -> Model:
    x = Input((5, 6, 3))
    return Model(x, operator(x))


MODELS |= {f"real_{name}": partial(_operator, one) for name, one in OPERATORS.items()}

# Converted to 8-bit numbers; an importer refuses them, as it does the models below.
INT8 = {"refused_int8", "refused_int8_interface"}


def _int8() -> Model:
    x = Input((4, 4, 3))
    y = norm(binary(layers.Conv2D(8, 3, padding="same")(x), 33))
    return Model(x, layers.Dense(2)(layers.Flatten()(y)))


MODELS |= dict.fromkeys(sorted(INT8), _int8)


@model
def refused_dorefa() -> Model:
    """Activations of two bits: real operators that round."""
    x = Input((4, 4, 3))
    quantizer = larq.quantizers.DoReFa(2)
    return Model(x, binary(x, 4, input_quantizer=quantizer, pad_values=0.0))


@model
def ternary_weights() -> Model:
    """Weights -1, 0 and 1 are a real convolution of signs."""
    x = Input((4, 4, 5))
    return Model(x, binary(x, 4, kernel_quantizer="ste_tern"))
