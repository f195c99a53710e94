"""Runs in Larq's environment: converts a network, then prints the seconds of a run for each line.

    python _larq_worker.py NAME FOLDER

It writes NAME.tflite, an input and what it computes from it, input.npy and output.npy.
"""

import os
import sys
import time
from pathlib import Path

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import larq
import larq_compute_engine
import numpy as np
import tensorflow as tf
from larq_compute_engine.tflite.python.interpreter import Interpreter

layers = tf.keras.layers


def _binary(x, channels: int, activation: str | None = None):
    """A binary convolution, padded with +1, and its batch norm."""
    x = larq.layers.QuantConv2D(
        channels,
        3,
        padding="same",
        pad_values=1,
        activation=activation,
        input_quantizer="ste_sign",
        kernel_quantizer="ste_sign",
        kernel_constraint="weight_clip",
        use_bias=False,
    )(x)
    return layers.BatchNormalization()(x)


def _pointwise(x, channels: int):
    return layers.BatchNormalization()(layers.Conv2D(channels, 1, use_bias=False)(x))


def _depthwise(x):
    return layers.DepthwiseConv2D(3, 2, padding="same", use_bias=False)(x)


def two_layers() -> tf.keras.Model:
    """Two binary convolutions with batch norm, 64 to 64 channels."""
    x = first = tf.keras.Input((56, 56, 64))
    for _ in range(2):
        x = _binary(x, 64)
    return tf.keras.Model(first, x)


def quicknet() -> tf.keras.Model:
    """The layers of QuickNet (arXiv:2011.09398), for 1000 classes of ImageNet."""
    first = tf.keras.Input((224, 224, 3))
    x = layers.Conv2D(16, 3, 2, padding="same", use_bias=False)(first)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = _pointwise(layers.BatchNormalization()(_depthwise(x)), 64)
    for channels in (64, 128, 256, 512):
        if channels > 64:
            x = layers.MaxPool2D(2, 1)(layers.Activation("relu")(x))
            x = _pointwise(_depthwise(x), channels)
        for _ in range(4):
            x = _binary(x, channels, "relu") + x
    x = layers.GlobalAveragePooling2D()(layers.Activation("relu")(x))
    return tf.keras.Model(first, layers.Dense(1000)(x))


def main() -> None:
    """Answer each line."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    # The output of the converter must not be read as a time.
    answers, sys.stdout = sys.stdout, sys.stderr
    tf.keras.utils.set_random_seed(0)
    content = larq_compute_engine.convert_keras_model(globals()[name]())
    interpreter = Interpreter(content, num_threads=1, use_indirect_bgemm=True)
    (shape,) = interpreter.input_shapes
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    (folder / f"{name}.tflite").write_bytes(content)
    np.save(folder / "input.npy", image)
    np.save(folder / "output.npy", interpreter.predict(image))
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        interpreter.predict(image)
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    main()
