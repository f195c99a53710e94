"""Runs in Larq's environment: writes a network, then times its interpreter.

Arguments: the network, and a folder. Writes network.tflite, image.npy and output.npy there and
prints "ready". For each line on standard input it then prints the seconds of one run.
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


def layers() -> tf.keras.Model:
    """Two binary 3x3 layers with batch norm, 64 to 64 channels, at 56 x 56."""
    x = first = tf.keras.Input((56, 56, 64))
    for _ in range(2):
        x = larq.layers.QuantConv2D(
            64,
            3,
            padding="same",
            pad_values=1,
            input_quantizer="ste_sign",
            kernel_quantizer="ste_sign",
            kernel_constraint="weight_clip",
            use_bias=False,
        )(x)
        x = tf.keras.layers.BatchNormalization()(x)
    return tf.keras.Model(first, x)


def quicknet() -> tf.keras.Model:
    """QuickNet of larq-zoo with random weights, for 224 x 224 pixels."""
    from larq_zoo.sota import QuickNet

    return QuickNet(weights=None)


def _make(network: str, folder: Path) -> tuple[Interpreter, np.ndarray]:
    """Write the three files."""
    tf.keras.utils.set_random_seed(0)
    model = {"layers": layers, "quicknet": quicknet}[network]()
    shape = (1, *model.input_shape[1:])
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    # Without statistics the numbers grow from block to block, and softmax hides every difference.
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(image, training=True)
    converted = larq_compute_engine.convert_keras_model(model)
    interpreter = Interpreter(converted, num_threads=1, use_indirect_bgemm=True)
    (folder / "network.tflite").write_bytes(converted)
    np.save(folder / "image.npy", image)
    np.save(folder / "output.npy", interpreter.predict(image))
    return interpreter, image


def main() -> None:
    """Write the network, then answer each line."""
    # The output of the converter must not be read as a time.
    answers, sys.stdout = sys.stdout, sys.stderr
    interpreter, image = _make(sys.argv[1], Path(sys.argv[2]))
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        interpreter.predict(image)
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    main()
