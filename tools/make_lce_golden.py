"""Make the networks of Larq Compute Engine that the tests compare with, and what it computes.

    python -m venv larq-env
    larq-env/bin/pip install "numpy<2" "tensorflow-cpu<2.17" "tf_keras<2.17" larq \\
        larq-compute-engine
    larq-env/bin/python tools/make_lce_golden.py tests/importers/data/larq

Each network is small, with random weights and random batch norms. For each, NAME.tflite is what the
converter writes, and NAME.npz has inputs and what the interpreter of Larq computes from them.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import larq as lq
import larq_compute_engine as lce
import numpy as np
import tensorflow as tf

layers = tf.keras.layers
SAMPLES = 3
BINARY = {
    "input_quantizer": "ste_sign",
    "kernel_quantizer": "ste_sign",
    "use_bias": False,
}
networks: dict[str, Callable[[], tf.keras.Model]] = {}


def network(make):
    """Decorator: a network to convert, under the name of its function."""
    networks[make.__name__] = make
    return make


def image(*shape):
    return layers.Input(shape)


def conv(x, channels, kernel=3, **more):
    return lq.layers.QuantConv2D(channels, kernel, **{"padding": "same", **BINARY, **more})(x)


def norm(x):
    return layers.BatchNormalization(scale=True)(x)


def model(inputs, outputs):
    return tf.keras.Model(inputs, outputs)


def _of_padding(name, **options):
    def make():
        x = image(5, 6, 33)
        return model(x, norm(conv(x, 34, **options)))

    networks[name] = make


_of_padding("same_one", pad_values=1)
_of_padding("same_zero", pad_values=0)
_of_padding("valid", padding="valid")
_of_padding("strides_one", pad_values=1, strides=2)
_of_padding("strides_zero", pad_values=0, strides=2)
_of_padding("strides_valid", padding="valid", strides=(2, 3))
_of_padding("dilation_one", pad_values=1, dilation_rate=2)
_of_padding("dilation_zero", pad_values=0, dilation_rate=2)
_of_padding("wide_kernel", pad_values=1, kernel=5)
_of_padding("even_kernel", pad_values=0, kernel=(2, 4))
_of_padding("pointwise", kernel=1)
_of_padding("pointwise_strides", kernel=1, strides=2, pad_values=0)


def _of_activation(name, activation, after=True):
    def make():
        x = image(6, 6, 8)
        y = conv(x, 12, pad_values=1, activation=activation if after else None)
        return model(x, norm(y) if after else layers.Activation(activation)(norm(y)))

    networks[name] = make


_of_activation("relu_before_norm", "relu")
_of_activation("relu_after_norm", "relu", after=False)
_of_activation("relu6_before_norm", tf.nn.relu6)


@network
def bits_to_bits():
    """Thresholds, with scales of both signs and zeros."""
    x = image(8, 8, 20)
    y = norm(conv(x, 70, pad_values=1))
    y = norm(conv(y, 33, padding="valid"))
    y = norm(conv(y, 64, pad_values=1, activation="relu"))
    return model(x, norm(conv(y, 5, 1)))


@network
def bits_without_norm():
    """The sums of the second convolution are 0 often: sign(0) is +1."""
    x = image(7, 7, 4)
    return model(x, conv(conv(conv(x, 6, pad_values=0), 8, pad_values=0), 3, padding="valid"))


@network
def pooled_bits():
    """Pooling between a convolution and the next sign becomes pooling of bits."""
    x = image(11, 11, 16)
    y = norm(layers.MaxPool2D(2)(conv(x, 32, pad_values=1)))
    y = norm(layers.MaxPool2D(3, 2, padding="same")(conv(y, 40, pad_values=1)))
    return model(x, norm(conv(y, 6, 1)))


@network
def grouped():
    x = image(5, 5, 64)
    return model(x, norm(conv(x, 10, groups=2, pad_values=1)))


@network
def magnitudes():
    """Weights of -a and +a, another a for each channel, as in XNOR-Net."""
    x = image(6, 6, 10)
    y = conv(x, 12, kernel_quantizer="magnitude_aware_sign", padding="valid")
    return model(x, norm(conv(y, 8, kernel_quantizer="magnitude_aware_sign", padding="valid")))


@network
def quicknet():
    x = image(24, 24, 3)
    y = layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(x)
    y = layers.Activation("relu")(norm(y))
    y = norm(layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False)(y))
    y = norm(layers.Conv2D(16, 1, use_bias=False)(y))
    for _ in range(2):
        y = norm(conv(y, 16, pad_values=1, activation="relu")) + y
    y = layers.MaxPool2D(2, 1)(layers.Activation("relu")(y))
    y = layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False)(y)
    y = norm(layers.Conv2D(32, 1, use_bias=False)(y))
    y = norm(conv(y, 32, pad_values=1, activation="relu")) + y
    y = layers.GlobalAvgPool2D()(layers.Activation("relu")(y))
    return model(x, layers.Softmax()(layers.Dense(10)(y) * 0.05))


@network
def birealnet():
    x = image(16, 16, 3)
    y = norm(layers.Conv2D(12, 3, padding="same", use_bias=False)(x))
    y = norm(conv(y, 12, pad_values=0)) + y
    shortcut = norm(layers.Conv2D(20, 1, use_bias=False)(layers.AvgPool2D(2)(y)))
    y = norm(conv(y, 20, pad_values=0, strides=2)) + shortcut
    y = layers.GlobalAvgPool2D()(y)
    return model(x, layers.Dense(10)(y))


@network
def binary_alexnet():
    x = image(17, 17, 3)
    y = norm(
        layers.MaxPool2D(3, 2)(
            lq.layers.QuantConv2D(
                16, 5, padding="same", kernel_quantizer="ste_sign", use_bias=False
            )(x)
        )
    )
    y = norm(layers.MaxPool2D(3, 2)(conv(y, 24, pad_values=1)))
    y = layers.Flatten()(y)
    y = norm(lq.layers.QuantDense(20, **BINARY)(y))
    y = norm(lq.layers.QuantDense(10, **BINARY)(y))
    return model(x, y)


@network
def binary_densenet():
    x = image(10, 10, 3)
    y = norm(layers.Conv2D(10, 3, padding="same")(x))
    for _ in range(2):
        y = layers.Concatenate()([y, conv(norm(y), 7, pad_values=0)])
    y = layers.Conv2D(8, 1)(layers.Activation("relu")(layers.MaxPool2D(2)(norm(y))))
    return model(x, layers.Dense(5)(layers.Flatten()(y)))


@network
def reactnet():
    """Learned moves before signs, PReLU, and channels that are repeated."""
    x = image(12, 12, 3)
    y = norm(layers.Conv2D(8, 3, padding="same")(x))
    moved = layers.PReLU(shared_axes=[1, 2])(y)
    y = norm(conv(moved, 8, pad_values=0)) + y
    shortcut = layers.AvgPool2D(2)(y)
    one = norm(conv(y, 8, pad_values=0, strides=2)) + shortcut
    two = norm(conv(y, 8, pad_values=0, strides=2)) + shortcut
    y = layers.PReLU(shared_axes=[1, 2])(layers.Concatenate()([one, two]))
    return model(x, layers.Dense(6)(layers.GlobalAvgPool2D()(y)))


@network
def meliusnet():
    """A part of the channels is changed, the others stay."""
    x = image(8, 8, 12)
    y = layers.Concatenate()([x, norm(conv(x, 4, pad_values=0))])
    z = norm(conv(y, 4, pad_values=0))
    y = layers.Concatenate()([y[..., :12], y[..., 12:] + z])
    return model(x, norm(conv(y, 5, 1)))


@network
def real_operators():
    x = image(13, 11, 6)
    y = layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2, activation="relu")(x)
    y = layers.Conv2D(8, (3, 2), padding="same", dilation_rate=2, activation=tf.nn.relu6)(y)
    y = layers.AvgPool2D(3, 2, padding="same")(y) * 1.5 - 0.25
    a, b = layers.MaxPool2D(2, padding="same")(y), layers.AvgPool2D(2, padding="same")(y)
    y = layers.LeakyReLU(0.1)(a - b) + tf.sigmoid(a) * tf.tanh(b)
    y = layers.ZeroPadding2D(((1, 0), (2, 1)))(y * tf.nn.relu6(y + 3.0) / 6.0)
    y = layers.Permute((2, 1, 3))(y)
    y = layers.Reshape((-1, 4))(y[:, :, 1:, ::2])
    y = layers.Dense(5)(layers.Flatten()(y) * 50.0)
    return model(x, tf.maximum(y, -y / 3.0))


@network
def means():
    x = image(6, 7, 5)
    kept = tf.reduce_mean(x, (1, 2), keepdims=True)
    y = tf.reduce_mean(x * tf.sigmoid(kept), (1, 2)) + tf.reduce_max(x, (1, 2))
    return model(x, tf.nn.log_softmax(y + tf.reduce_sum(tf.abs(x), (1, 2))))


@network
def blocks_of_space():
    x = image(8, 6, 8)
    y = tf.nn.depth_to_space(tf.nn.space_to_depth(x, 2), 2)
    return model(x, conv(tf.nn.space_to_depth(y, 2), 6, 1))


@network
def two_inputs_two_outputs():
    x, z = image(6, 6, 4), layers.Input((3,))
    y = layers.GlobalAvgPool2D()(norm(conv(x, 8, pad_values=1)))
    y = layers.Concatenate()([y, z])
    return model([x, z], [layers.Dense(4)(y), layers.Dense(2)(y)])


@network
def bit_outputs():
    """An output that is the sign of sums."""
    x = image(5, 5, 7)
    return model(x, lq.quantizers.SteSign()(norm(conv(x, 9, pad_values=1))))


@network
def sequence():
    x = layers.Input((12, 5))
    y = lq.layers.QuantConv1D(8, 3, padding="same", pad_values=1, **BINARY)(x)
    return model(x, layers.GlobalAvgPool1D()(norm(y)))


@network
def rounded():
    """Activations of two bits stay real."""
    x = image(6, 6, 4)
    return model(x, norm(conv(x, 6, input_quantizer=lq.quantizers.DoReFa(2))))


def randomize(keras, random):
    """Batch norms with scales of both signs and zero; weights that are not small."""
    for layer in keras.layers:
        values = []
        for variable in layer.weights:
            value, name = random.normal(size=variable.shape), variable.name
            if "gamma" in name:
                value[:: max(3, len(value) // 2)] = 0
            elif "moving_variance" in name:
                value = np.abs(value) + 0.5
            elif "moving_mean" in name:
                value = value * 0.5
            elif layer.__class__.__name__ in ("Conv2D", "DepthwiseConv2D", "Dense"):
                value = value / np.sqrt(max(np.prod(variable.shape[:-1]), 1))
            values.append(value.astype(np.float32))
        if values:
            layer.set_weights(values)


def samples(shape, random):
    """Normal numbers, rounded so that they take little space; some are 0 or -0: +1 as a sign."""
    found = np.round(random.normal(size=(SAMPLES, *shape[1:])) * 16).astype(np.float32) / 16
    found[random.random(found.shape) < 0.05] = 0.0
    found[random.random(found.shape) < 0.05] = -0.0
    return found


def main():
    """Write the files into the folder that the command names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, make) in enumerate(networks.items()):
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        tf.keras.utils.set_random_seed(number)
        random = np.random.default_rng(number)
        keras = make()
        randomize(keras, random)
        content = lce.convert_keras_model(keras)
        interpreter = lce.testing.Interpreter(content, num_threads=1, use_indirect_bgemm=True)
        inputs = [samples(shape, random) for shape in map(tuple, interpreter.input_shapes)]
        outputs = interpreter.predict(inputs if len(inputs) > 1 else inputs[0])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        arrays = {f"input{n}": one for n, one in enumerate(inputs)}
        arrays |= {f"output{n}": one for n, one in enumerate(outputs)}
        (folder / f"{name}.tflite").write_bytes(content)
        np.savez_compressed(folder / f"{name}.npz", **arrays)
        print(name, len(content), *(f"{key} {one.shape}" for key, one in arrays.items()))


if __name__ == "__main__":
    main()
