"""Runs in Larq's environment. For each line on standard input it prints the seconds of one run."""

import os
import sys
import time

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import larq
import larq_compute_engine
import numpy as np
import tensorflow as tf
from larq_compute_engine.tflite.python.interpreter import Interpreter


def network(side: int, channels: int) -> bytes:
    """Two binary convolutions with batch norm, in Larq's file format."""
    x = first = tf.keras.Input((side, side, channels))
    for _ in range(2):
        x = larq.layers.QuantConv2D(
            channels,
            3,
            padding="same",
            pad_values=1,
            input_quantizer="ste_sign",
            kernel_quantizer="ste_sign",
            kernel_constraint="weight_clip",
            use_bias=False,
        )(x)
        x = tf.keras.layers.BatchNormalization()(x)
    return larq_compute_engine.convert_keras_model(tf.keras.Model(first, x))


def main() -> None:
    """Answer each line."""
    side, channels = map(int, sys.argv[1:])
    # The output of the converter must not be read as a time.
    answers, sys.stdout = sys.stdout, sys.stderr
    interpreter = Interpreter(network(side, channels), num_threads=1, use_indirect_bgemm=True)
    image = np.random.default_rng(0).normal(size=(1, side, side, channels)).astype(np.float32)
    interpreter.predict(image)
    for _ in sys.stdin:
        start = time.perf_counter()
        interpreter.predict(image)
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    main()
