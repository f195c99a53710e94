"""Write tests/importers/data/lce: models of Larq Compute Engine, and what its interpreter answers.

    python -m venv larq-env
    larq-env/bin/pip install "numpy<2" "tensorflow-cpu<2.17" "tf_keras<2.17" larq \\
        larq-compute-engine
    larq-env/bin/python tools/make_lce_golden.py [NAME ...]

The models are in the modules lce_models, lce_networks and lce_operators next to this one. Each
becomes NAME.tflite, and NAME.npz with input0, output0 and so on, in the order of the file's inputs
and outputs. The first axis counts the images. Seeds make it repeatable.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from zlib import crc32

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

import larq_compute_engine
import numpy as np
import tensorflow as tf
from larq_compute_engine.tflite.python.interpreter import Interpreter
from lce_models import MODELS
from lce_operators import INT8
from tf_keras import Model, layers

import_module("lce_networks")  # for its models
GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "importers" / "data" / "lce"
IMAGES = 2
KERNELS = [{}, {"use_indirect_bgemm": True}, {"use_reference_bconv": True}]


def make(name: str) -> None:
    """Write the two files of one model."""
    tf.keras.backend.clear_session()  # so that the names of the layers, which are kept, repeat
    tf.keras.utils.set_random_seed(0)
    rng = np.random.default_rng(crc32(name.encode()))
    model = MODELS[name]()
    _set_weights(model, rng)
    converted = _convert(model, name)
    arrays = _golden(converted, rng)
    if name not in INT8:
        _check(model, arrays)
    (GOLDEN / f"{name}.tflite").write_bytes(converted)
    np.savez_compressed(GOLDEN / f"{name}.npz", **arrays)


def _convert(model: Model, name: str) -> bytes:
    if name not in INT8:
        return larq_compute_engine.convert_keras_model(model)
    interface = tf.int8 if name.endswith("interface") else tf.float32
    return larq_compute_engine.convert_keras_model(
        model,
        inference_input_type=interface,
        inference_output_type=interface,
        experimental_default_int8_range=(-3.0, 3.0),
    )


def _set_weights(model: Model, rng: np.random.Generator) -> None:
    """Random weights; a batch norm knows the values that it meets, so that both signs follow."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            _set_batch_norm(layer, model, rng)
        elif layer.trainable:
            layer.set_weights([_weights(one.shape, rng) for one in layer.get_weights()])


def _weights(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    fan_in = max(1, np.prod(shape[:-1]))
    return rng.normal(0, fan_in**-0.5, shape).astype(np.float32)


def _set_batch_norm(
    layer: layers.BatchNormalization, model: Model, rng: np.random.Generator
) -> None:
    """Gammas of both signs; channel 0 has gamma 0, channel 1 has gamma and beta 0."""
    given = [_numbers((16, *one.shape[1:]), rng) for one in model.inputs]
    values = Model(model.inputs, layer.input)(given).numpy()
    axes = tuple(range(values.ndim - 1))
    mean, variance = values.mean(axes), values.var(axes) + 0.01
    gamma, beta = rng.normal(0, 1, (2, len(mean)))
    gamma[:2], beta[1:2] = 0, 0
    stored = {"gamma": gamma, "beta": beta, "moving_mean": mean + 0.3 * variance**0.5 * beta}
    stored["moving_variance"] = variance
    names = [one.name.rpartition("/")[2].removesuffix(":0") for one in layer.weights]
    layer.set_weights([stored[name].astype(np.float32) for name in names])


def _numbers(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers, among them 0.0 and -0.0: the sign of both is +1."""
    numbers = rng.normal(0, 1, shape).astype(np.float32)
    kind = rng.integers(0, 16, shape)
    numbers[kind == 0] = 0.0
    numbers[kind == 1] = -0.0
    # Few bits of the significand make small files.
    return (numbers * 8).round() / 8


def _golden(converted: bytes, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Inputs, and the outputs of the kernels that can run the model; these agree."""
    inputs, answers = [], []
    for kernel in KERNELS:
        try:
            interpreter = Interpreter(converted, num_threads=1, **kernel)
        except RuntimeError:  # only the indirect kernel knows groups
            continue
        inputs = inputs or _inputs(interpreter, rng)
        outputs = interpreter.predict(inputs)
        answers.append(outputs if isinstance(outputs, list) else [outputs])
    for others in answers[1:]:
        for one, other in zip(answers[0], others, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    outputs = answers[0]
    arrays = {f"input{i}": one for i, one in enumerate(inputs)}
    return arrays | {f"output{i}": one for i, one in enumerate(outputs)}


def _check(model: Model, arrays: dict[str, np.ndarray]) -> None:
    """Keras answers the same. The file may have its outputs in another order; shapes tell."""
    expected = model([arrays[f"input{i}"] for i in range(len(model.inputs))])
    by_shape = {one.shape: one for name, one in arrays.items() if name.startswith("output")}
    for one in expected if isinstance(expected, list) else [expected]:
        np.testing.assert_allclose(by_shape[tuple(one.shape)], one, rtol=1e-4, atol=1e-4)


def _inputs(interpreter: Interpreter, rng: np.random.Generator) -> list[np.ndarray]:
    kinds = zip(interpreter.input_shapes, interpreter.input_types, strict=True)
    return [_given((IMAGES, *shape[1:]), kind, rng) for shape, kind in kinds]


def _given(shape: tuple[int, ...], kind: type, rng: np.random.Generator) -> np.ndarray:
    if np.dtype(kind) == np.float32:
        return _numbers(shape, rng)
    return rng.integers(-128, 128, shape).astype(kind)


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or MODELS:
        make(name)
