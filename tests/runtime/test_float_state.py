"""How a caller's threads round changes no score."""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch

from signbit.format import Node, PackedModel, Preprocessing
from signbit.runtime.engine import Engine

LIBM = ctypes.CDLL("libm.so.6")
MODES = {
    "x86_64": {"downward": 0x400, "upward": 0x800, "toward_zero": 0xC00},
    "aarch64": {"upward": 0x400000, "downward": 0x800000, "toward_zero": 0xC00000},
}.get(platform.machine(), {})


@contextmanager
def rounding(mode: int) -> Iterator[None]:
    before = LIBM.fegetround()
    assert LIBM.fesetround(mode) == 0
    try:
        yield
    finally:
        LIBM.fesetround(before)


@contextmanager
def flushing() -> Iterator[None]:
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush denormal numbers")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


STATES = {name: partial(rounding, mode) for name, mode in MODES.items()} | {"flush": flushing}


@pytest.fixture(scope="module")
def model() -> PackedModel:
    """A network of real numbers, some of them denormal."""
    rng = np.random.default_rng(5)
    window = {"kernel": (4, 4), "stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1)}
    weight = rng.normal(size=(6, 4, 4, 3)).astype(np.float32)
    return PackedModel(
        [
            Node("normalize", (0,), {}, vectors(3, 1 / 3, 0.1)),
            Node("conv_f32", (1,), window | {"channels": 6, "groups": 1}, {"weight": weight}),
            Node("affine", (2,), {}, vectors(6, 1e-40, 1e-41)),
            Node("affine", (3,), {}, vectors(6, 1e38, 1 / 3)),
        ],
        Preprocessing([1 / 3] * 3, [0.1] * 3, (4, 4)),
    )


def vectors(channels: int, scale: float, bias: float) -> dict[str, np.ndarray]:
    return {
        "scale": np.full(channels, scale, np.float32),
        "bias": np.full(channels, bias, np.float32),
    }


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_scores_do_not_depend_on_the_floating_point_state(model, state, threads):
    images = np.random.default_rng(1).integers(0, 256, (9, 4, 4, 3)).astype(np.uint8)
    expected = Engine(model, threads).scores(images)
    assert (expected != np.float32(1 / 3)).all()
    with STATES[state]():
        # Threads inherit the state of the one that starts them.
        inside = Engine(model, threads)
        found = inside.scores(images)
        alone = inside.scores(images[:1])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(alone, expected[:1])
    np.testing.assert_array_equal(inside.scores(images), expected)


@pytest.mark.parametrize("mode", MODES)
def test_the_state_of_the_caller_is_as_it_was_after_a_call(model, mode):
    with rounding(MODES[mode]):
        Engine(model).scores(np.zeros((1, 4, 4, 3), np.uint8))
        assert LIBM.fegetround() == MODES[mode]
