"""Small networks of published topologies for make_lce_golden.py."""

import larq
import tensorflow as tf
from lce_models import VALID, ZEROS, Tensor, binary, model, norm, relu
from tf_keras import Input, Model, layers

SCALED = {"kernel_quantizer": "magnitude_aware_sign", "pad_values": 0.0}


def _real(x: Tensor, channels: int, size: int = 1, strides: int = 1) -> Tensor:
    """Real convolution with batch norm."""
    return norm(layers.Conv2D(channels, size, strides=strides, padding="same", use_bias=False)(x))


def _classes(x: Tensor) -> Tensor:
    """Mean over the map, a fully connected layer, softmax."""
    return layers.Softmax()(layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def _blur(shape: tuple[int, ...], dtype: tf.DType | None = None) -> tf.Tensor:
    """The fixed kernel of QuickNet's anti-aliased pooling."""
    line = tf.constant([0.25, 0.5, 0.25], dtype)
    return tf.broadcast_to(tf.tensordot(line, line, 0)[:, :, None, None], shape)


@model
def quicknet() -> Model:
    """QuickNet: stem, residual blocks with ReLU and batch norm, a blurred transition."""

    def block(x: Tensor) -> Tensor:
        return norm(binary(x, x.shape[-1], activation="relu")) + x

    x = image = Input((16, 16, 3))
    x = relu(_real(x, 8, 3, 2))
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(scale=False, center=False)(x)
    x = block(_real(x, 16))
    x = layers.MaxPool2D(2, 1)(relu(x))
    x = layers.DepthwiseConv2D(
        3, strides=2, padding="same", use_bias=False, depthwise_initializer=_blur, trainable=False
    )(x)
    x = block(block(_real(x, 33)))
    return Model(image, _classes(relu(x)))


@model
def bireal() -> Model:
    """Bi-Real Net: a shortcut around each convolution, through a pool and a real 1x1."""
    x = image = Input((16, 16, 3))
    x = layers.MaxPool2D(3, 2, "same")(_real(x, 12, 7, 2))
    x = norm(binary(x, 12, input_quantizer="approx_sign", **SCALED)) + x
    shortcut = _real(layers.AveragePooling2D(2, 2, "same")(x), 24)
    x = norm(binary(x, 24, strides=2, input_quantizer="approx_sign", **SCALED)) + shortcut
    return Model(image, _classes(x))


@model
def binary_alexnet() -> Model:
    """BinaryAlexNet: binary weights on real numbers, pools before batch norm, binary dense."""

    def norm_without_scale(x: Tensor) -> Tensor:
        return layers.BatchNormalization(scale=False)(x)

    x = image = Input((23, 23, 3))
    x = binary(x, 16, 5, strides=2, input_quantizer=None, **ZEROS)
    x = norm_without_scale(layers.MaxPool2D(3, 2)(x))
    x = norm_without_scale(layers.MaxPool2D(3, 2)(binary(x, 33, **ZEROS)))
    x = norm_without_scale(binary(layers.Flatten()(x)[:, None, None], 40, 1, **VALID))
    x = norm_without_scale(binary(x, 5, 1, **VALID))
    return Model(image, layers.Softmax()(layers.Flatten()(x)))


@model
def binary_densenet() -> Model:
    """BinaryDenseNet: concatenations, and a transition with ReLU and a real 1x1."""
    x = image = Input((16, 16, 3))
    x = layers.MaxPool2D(3, 2, "same")(relu(_real(x, 16, 7, 2)))
    for _ in range(2):
        x = layers.Concatenate()([x, binary(norm(x), 8, **ZEROS)])
    x = relu(layers.MaxPool2D(2, 2)(norm(x)))
    x = layers.Conv2D(16, 1, use_bias=False)(x)
    x = layers.Concatenate()([x, binary(norm(x), 8, dilation_rate=2)])
    return Model(image, _classes(relu(norm(x))))


@tf.keras.utils.register_keras_serializable()
class _Bias(layers.Layer):
    """A learned bias per channel."""

    def build(self, shape: tf.TensorShape) -> None:
        self.bias = self.add_weight("bias", (shape[-1],))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x + self.bias


@model
def reactnet() -> Model:
    """ReActNet: learned biases before each sign and around PReLU; channels double by two halves."""

    def activation(x: Tensor) -> Tensor:
        return _Bias()(layers.PReLU(shared_axes=[1, 2])(_Bias()(x)))

    def half(x: Tensor, size: int, shortcut: Tensor, strides: int = 1) -> Tensor:
        y = binary(_Bias()(x), x.shape[-1], size, strides=strides, **SCALED)
        return norm(y) + shortcut

    x = image = Input((12, 12, 3))
    x = _real(x, 16, 3, 2)
    x = activation(half(x, 3, layers.AveragePooling2D(2, 2)(x), 2))
    x = activation(layers.Concatenate()([half(x, 1, x), half(x, 1, x)]))
    return Model(image, _classes(x))


@model
def meliusnet() -> Model:
    """MeliusNet: a grouped stem of slices; an improvement block adds to the last channels."""
    x = image = Input((12, 12, 3))
    x = relu(_real(x, 16, 3, 2))
    parts = tf.split(x, 4, axis=-1)
    x = tf.concat([layers.Conv2D(4, 3, padding="same", use_bias=False)(one) for one in parts], -1)
    x = layers.MaxPool2D(2, 2)(relu(norm(x)))
    x = layers.Concatenate()([x, binary(norm(x), 8, **ZEROS)])
    better = binary(norm(x), 8, **ZEROS)
    x = x + tf.pad(better, [[0, 0], [0, 0], [0, 0], [16, 0]])
    return Model(image, _classes(relu(norm(x))))


@model
def xnornet() -> Model:
    """XNOR-Net: a scale per channel of weights; max pools between convolution and batch norm."""
    x = image = Input((16, 16, 3))
    x = norm(layers.MaxPool2D(3, 2)(relu(_real(x, 16, 5, 2))))
    x = norm(layers.MaxPool2D(2, 2, "same")(binary(x, 33, **SCALED)))
    x = norm(binary(x, 40, 2, **{**SCALED, **VALID}))
    x = relu(norm(binary(x, 20, 1, **{**SCALED, **VALID})))
    return Model(image, layers.Softmax()(layers.Dense(5, use_bias=False)(layers.Flatten()(x))))


@model
def real_to_binary() -> Model:
    """Real-to-binary: a gate from the mean of the real input scales the binary convolution."""
    x = image = Input((8, 8, 16))
    y = norm(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
    gate = layers.Dense(16, activation="sigmoid")(layers.Dense(2, activation="relu")(gate))
    y = layers.PReLU(shared_axes=[1, 2])(binary(y, 16) * gate)
    return Model(image, _classes(x + y))


@model
def quant_dense() -> Model:
    """Binary dense layers: what the converter makes of QuantDense."""
    options = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign", "use_bias": False}
    x = image = Input((3, 3, 12))
    x = layers.Flatten()(norm(binary(x, 40, **VALID)))
    x = norm(larq.layers.QuantDense(33, **options)(x))
    return Model(image, larq.layers.QuantDense(5, **options)(x))


@model
def two_inputs() -> Model:
    """Two inputs of different shapes."""
    left, right = Input((6, 6, 12), name="left"), Input((3, 3, 5), name="right")
    y = layers.Concatenate()([binary(left, 8, strides=2), binary(right, 4)])
    return Model([left, right], norm(y))


@model
def two_outputs() -> Model:
    """Two outputs; one is also read by the other's branch."""
    x = image = Input((4, 4, 12))
    y = norm(binary(x, 8))
    return Model(image, [y, _classes(norm(binary(y, 6)))])


@model
def quant_conv1d() -> Model:
    """A sequence. The converter writes real convolutions of signs, 1 x n."""
    options = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign", "use_bias": False}
    x = sequence = Input((12, 6))
    x = norm(layers.Conv1D(20, 3, padding="same")(x))
    x = larq.layers.QuantConv1D(33, 3, padding="same", pad_values=1.0, **options)(x)
    x = larq.layers.QuantConv1D(4, 3, strides=2, **options)(norm(x))
    return Model(sequence, layers.GlobalAveragePooling1D()(x))
