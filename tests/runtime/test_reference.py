"""The reference of moves, functions and reductions against what NumPy and Python say of them."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from helpers.nodes import move

from signbit.format import Node
from signbit.format.ops.functions import BINARY, UNARY
from signbit.runtime import _reference_numbers as numbers
from signbit.runtime import reference

Y, X, C = 15 * np.arange(4), 3 * np.arange(5), np.arange(3)
MOVES: dict[str, tuple[tuple, Callable]] = {
    "nothing": ((Y, X, C), lambda x: x),
    "slice": ((Y[1:3], X[::2], C[2:]), lambda x: x[:, 1:3, ::2, 2:]),
    "flip": ((Y[::-1], X, C), lambda x: x[:, ::-1]),
    "roll": ((Y, np.roll(X, 2), C), lambda x: np.roll(x, 2, axis=2)),
    "transpose": ((X, Y, C), lambda x: x.transpose(0, 2, 1, 3)),
    "permute": ((C, Y, X), lambda x: x.transpose(0, 3, 1, 2)),
    "repeat": (
        (np.repeat(Y, 2), np.tile(X, 3), C),
        lambda x: np.tile(x.repeat(2, 1), (1, 1, 3, 1)),
    ),
    "reflect": (
        (np.pad(Y, 2, "reflect"), np.pad(X, 1, "edge"), C),
        lambda x: np.pad(
            np.pad(x, ((0, 0), (2, 2), (0, 0), (0, 0)), "reflect"),
            ((0, 0), (0, 0), (1, 1), (0, 0)),
            "edge",
        ),
    ),
    "reshape": (([0], [0], np.arange(60)), lambda x: x.reshape(len(x), 1, 1, 60)),
    "flatten": (
        ([0], [0], (C[:, None, None] + Y[:, None] + X).ravel()),
        lambda x: x.transpose(0, 3, 1, 2).reshape(len(x), 1, 1, 60),
    ),
    "pixel shuffle": (
        ((15 * np.arange(2)[:, None] + [0, 1]).ravel(), X, [0]),
        lambda x: np.stack([x[:, 0, :, :1], x[:, 0, :, 1:2], x[:, 1, :, :1], x[:, 1, :, 1:2]], 1),
    ),
}


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int32, np.float32])
@pytest.mark.parametrize(("places", "same"), MOVES.values(), ids=MOVES)
def test_a_move_is_what_numpy_makes_of_its_indices(places, same, dtype):
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    x = x > 127 if dtype is bool else x.astype(dtype)
    found = reference.apply(move(0, *places), [x])
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, same(x))


@pytest.mark.parametrize(
    ("dtype", "fill", "holds"),
    [
        (np.uint8, 255.0, 255),
        (bool, -1, False),
        (bool, 1.0, True),
        (np.int32, -7.0, -7),
        (np.float32, "-inf", -math.inf),
    ],
)
def test_a_move_fills_wherever_one_of_the_three_is_minus_1(dtype, fill, holds):
    x = np.full((1, 2, 2, 2), 0 if holds else 1).astype(dtype)
    found = reference.apply(move(0, [0, -1, 4], [2, 0, -1], [-1, 1, 0], fill), [x])
    wanted = np.full((1, 3, 3, 3), holds).astype(dtype)
    wanted[:, ::2, :2, 1:] = x[0, 0, 0, 0]
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == dtype


# In float64, by Python's own library.
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "cos": math.cos,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "erf": math.erf,
    "exp": math.exp,
    "floor": lambda x: float(math.floor(x)),
    "log": lambda x: math.log(x) if x > 0 else math.nan,
    "reciprocal": lambda x: 1 / x,
    "round": lambda x: float(round(x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "sign": lambda x: math.copysign(1, x),
    "sin": math.sin,
    "softplus": lambda x: math.log1p(math.exp(-abs(x))) + max(x, 0.0),
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "tanh": math.tanh,
}
ENDS = [0.0, -0.0, math.inf, -math.inf]
AT_ENDS = {
    "abs": [0, 0, math.inf, math.inf],
    "cos": [1, 1, math.nan, math.nan],
    "elu": [0, 0, math.inf, -1],
    "erf": [0, 0, 1, -1],
    "exp": [1, 1, math.inf, 0],
    "floor": [0, 0, math.inf, -math.inf],
    "log": [-math.inf, -math.inf, math.inf, math.nan],
    "reciprocal": [math.inf, -math.inf, 0, 0],
    "round": [0, 0, math.inf, -math.inf],
    "sigmoid": [0.5, 0.5, 1, 0],
    "sign": [0, 0, 1, -1],
    "sin": [0, 0, math.nan, math.nan],
    "softplus": [math.log(2), math.log(2), math.inf, 0],
    "sqrt": [0, 0, math.inf, math.nan],
    "tanh": [0, 0, 1, -1],
}


def unary(function: str, x: list[float] | np.ndarray) -> np.ndarray:
    values = np.asarray(x, np.float32).reshape(1, 1, 1, -1)
    found = reference.apply(Node("unary", (0,), {"function": function}), [values])
    assert (found.dtype, found.shape) == (np.float32, values.shape)
    return found.ravel()


def test_the_reference_has_the_functions_of_the_format():
    assert sorted(numbers.UNARY) == sorted(UNARY) == sorted(FUNCTIONS) == sorted(AT_ENDS)
    assert sorted(numbers.BINARY) == sorted(BINARY)


@pytest.mark.parametrize("function", UNARY)
def test_a_function_of_one_number(function):
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 5, 200), [0.5, 1.5, 2.5, -0.5, 1e-30, -80]]).astype("f4")
    wanted = np.array([FUNCTIONS[function](float(one)) for one in x])
    rounding = 0 if UNARY[function] else 1e-6
    np.testing.assert_allclose(
        unary(function, x), wanted.astype(np.float32), rtol=rounding, atol=rounding * 1e-3
    )


@pytest.mark.parametrize("function", UNARY)
def test_a_function_at_the_ends_of_its_range(function):
    np.testing.assert_allclose(unary(function, ENDS), AT_ENDS[function], rtol=1e-7)
    assert np.isnan(unary(function, [math.nan])).all()


def test_a_sign_and_a_half_are_what_torch_makes_of_them():
    assert unary("round", [0.5, 1.5, -2.5]).tolist() == [0, 2, -2]
    assert not np.signbit(unary("sign", [-0.0])).any()


def test_functions_of_two_numbers_broadcast_and_nan_wins():
    left = np.array([1, -2, np.nan, np.inf], np.float32).reshape(1, 2, 1, 2)
    right = np.array([0.5, 3, np.nan], np.float32).reshape(1, 1, 3, 1)
    third = np.float32(1) / np.float32(3)
    wanted = {
        "add": [[1.5, -1.5], [4, 1], [np.nan] * 2, [np.nan, np.inf], [np.nan, np.inf]],
        "divide": [[2, -4], [third, -2 * third], [np.nan] * 2, [np.nan, np.inf], [np.nan, np.inf]],
        "multiply": [[0.5, -1], [3, -6], [np.nan] * 2, [np.nan, np.inf], [np.nan, np.inf]],
        "minimum": [[0.5, -2], [1, -2], [np.nan] * 2, [np.nan, 0.5], [np.nan, 3]],
        "maximum": [[1, 0.5], [3, 3], [np.nan] * 2, [np.nan, np.inf], [np.nan, np.inf]],
    }
    for function, values in wanted.items():
        found = reference.apply(Node("binary", (0, 1), {"function": function}), [left, right])
        assert (found.dtype, found.shape) == (np.float32, (1, 2, 3, 2))
        np.testing.assert_array_equal(found.reshape(6, 2), [*values, [np.nan] * 2])


def test_a_mask_of_zero_wins_over_any_number():
    x = np.array([1, -2, np.nan, np.inf, -np.inf], np.float32).reshape(1, 1, 1, 5)
    node = Node("binary", (0, 1), {"function": "masked"})
    for mask in (0.0, -0.0, np.nan):
        assert reference.apply(node, [x, np.full_like(x, mask)]).tolist() == [[[[0] * 5]]]
    for mask in (1.0, -0.5, np.inf, 1e-45):
        np.testing.assert_array_equal(reference.apply(node, [x, np.full_like(x, mask)]), x)


@pytest.mark.parametrize(
    ("axes", "wanted"),
    [
        (["height"], {"sum": [[6, 8], [10, 12]], "maximum": [[5, 6], [7, 8]]}),
        (("width",), {"sum": [[4, 6], [12, 14]], "maximum": [[3, 4], [7, 8]]}),
        (["channels"], {"sum": [[3, 7], [11, 15]], "maximum": [[2, 4], [6, 8]]}),
        (["height", "channels"], {"sum": [14, 22], "maximum": [6, 8]}),
        (["height", "width", "channels"], {"sum": 36, "maximum": 8}),
    ],
)
def test_reductions_go_over_whole_sides(axes, wanted):
    x = np.arange(1, 9, dtype=np.float32).reshape(1, 2, 2, 2)
    count = 2 ** len(axes)
    for function, values in (wanted | {"mean": np.array(wanted["sum"]) / count}).items():
        node = Node("reduce", (0,), {"function": function, "axes": axes})
        found = reference.apply(node, [x])
        assert found.dtype == np.float32
        shape = [1 if side in axes else 2 for side in ("height", "width", "channels")]
        np.testing.assert_array_equal(found, np.reshape(values, (1, *shape)))


def test_nan_wins_every_reduction():
    x = np.array([1, np.nan, np.inf], np.float32).reshape(1, 1, 3, 1)
    for function in ("sum", "mean", "maximum"):
        node = Node("reduce", (0,), {"function": function, "axes": ["width"]})
        assert np.isnan(reference.apply(node, [x])).all()


def test_a_threshold_of_pixels_compares_bytes():
    values = np.array([-1, 100, 255, 100], np.int32)
    tensors = {"threshold": values, "below": np.array([0b1010], np.uint64)}
    x = np.array([[0, 100, 255, 99], [255, 99, 254, 101]], np.uint8).reshape(2, 1, 1, 4)
    found = reference.apply(Node("threshold", (0,), {}, tensors), [x])
    assert found.reshape(2, 4).tolist() == [[True, False, False, True], [True, True, False, False]]
