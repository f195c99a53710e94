import numpy as np
import pytest
import torch

from signbit.encode import fixed_point, fixed_point_grid, from_fixed_point
from signbit.errors import InputTypeError, UsageError
from signbit.format import Input, Node, Preprocessing
from signbit.models import to_input
from signbit.pack._pixels import pixel_code
from signbit.runtime import reference

TEMPERATURE = Input.fixed_point("temperature", (2,), step=0.25, lowest=-20.0)
UNEVEN = Input("x", "u8", (3,), scale=(0.1, -0.5, 3.0), bias=(0.0, 60.0, -1.0))


def test_codes_of_known_numbers():
    codes = fixed_point([[-20.0, -19.7], [0.0, 43.75]], TEMPERATURE)
    assert codes.dtype == np.uint8
    assert codes.tolist() == [[0, 1], [80, 255]]


@pytest.mark.parametrize("one", [TEMPERATURE, UNEVEN], ids=lambda one: one.name)
def test_the_code_is_the_nearest_of_all(one):
    values = np.random.default_rng(0).uniform(-80, 300, (200, *one.shape))
    codes = fixed_point(values, one)
    scale, bias = np.array(one.scale), np.array(one.bias)
    distance = np.abs(scale * np.arange(256)[:, None] + bias - values[:, None, :])
    found = np.take_along_axis(distance, codes[:, None].astype(int), 1)
    np.testing.assert_allclose(found[:, 0], distance.min(axis=1), atol=1e-12)


@pytest.mark.parametrize("one", [TEMPERATURE, UNEVEN], ids=lambda one: one.name)
def test_every_code_comes_back(one):
    codes = np.repeat(np.arange(256, dtype=np.uint8)[:, None], one.shape[0], axis=1)
    numbers = from_fixed_point(codes, one)
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(fixed_point(numbers, one), codes)


def test_the_numbers_of_codes_are_those_of_the_network_and_of_torch():
    codes = np.random.default_rng(1).integers(0, 256, (50, 2, 2, 3), np.uint8)
    scale, bias = (0.1, -0.5, 3.0), (0.3, 60.0, -1.0)
    numbers = from_fixed_point(codes, Input.pixels("x", (2, 2, 3), scale, bias))
    tensors = {"scale": np.array(scale, np.float32), "bias": np.array(bias, np.float32)}
    normalized = reference.apply(Node("normalize", (0,), {}, tensors), [codes])
    np.testing.assert_array_equal(numbers, normalized)
    given = to_input(torch.from_numpy(codes), Preprocessing(scale, bias, (2, 2)))
    np.testing.assert_array_equal(numbers, given.permute(0, 2, 3, 1).numpy())


def test_values_outside_are_clipped_or_refused():
    values = [[-1e9, 0], [np.inf, -np.inf]]
    assert fixed_point(values, TEMPERATURE).tolist() == [[0, 80], [255, 0]]
    message = (
        r"values: 43.9 at \(1, 1\) is out of range; input 'temperature' has codes for "
        r"-20.0 to 43.75"
    )
    with pytest.raises(UsageError, match=message):
        fixed_point([[0, 0], [0, 43.9]], TEMPERATURE, out_of_range="error")
    # Less than half a step outside, the nearest code is as near as any.
    assert fixed_point([[-20.1, 43.8]], TEMPERATURE, out_of_range="error").tolist() == [[0, 255]]


def test_halfway_it_is_the_even_code():
    assert fixed_point([[-19.875, -19.625]], TEMPERATURE).tolist() == [[0, 2]]


@pytest.mark.parametrize("power_of_two", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_a_grid_covers_the_values_on_whole_steps(seed, power_of_two):
    generator = np.random.default_rng(seed)
    values = generator.normal(generator.normal(0, 10), 10 ** generator.uniform(-3, 3), (100, 1))
    step, lowest = fixed_point_grid(values, power_of_two)
    one = Input.fixed_point("x", (1,), step, lowest)
    codes = fixed_point(values, one, out_of_range="error")
    spread = values.max() - values.min()
    assert step <= spread / 254 * (2 if power_of_two else 1.000001)
    assert int(codes.max()) - int(codes.min()) >= (126 if power_of_two else 253)
    np.testing.assert_allclose(from_fixed_point(codes, one), values, atol=0.501 * step)
    code = pixel_code(one)
    assert code is not None
    assert code.multiplier == 1
    assert code.exact >= power_of_two


@pytest.mark.parametrize(
    ("values", "one", "error", "message"),
    [
        ([[0.0, np.nan]], TEMPERATURE, UsageError, r"values: NaN at \(0, 1\)"),
        ([[0.0]], TEMPERATURE, UsageError, r"shape \(1, 1\); input 'temperature' needs \(N, 2\)"),
        (0.0, TEMPERATURE, UsageError, r"values: shape \(\)"),
        ([["a", "b"]], TEMPERATURE, InputTypeError, "values: <U1"),
        (
            [[0.0]],
            Input.numbers("x", (1,)),
            UsageError,
            "input 'x' is f32; codes are only for inputs of kind u8",
        ),
        ([[0.0]], Input("x", "u8", (1,), (0,), (0,)), UsageError, "a scale of 0"),
    ],
)
def test_what_has_no_code_is_refused(values, one, error, message):
    with pytest.raises(error, match=message):
        fixed_point(values, one)


def test_codes_are_checked():
    with pytest.raises(InputTypeError, match="codes: int64; give uint8"):
        from_fixed_point(np.zeros((1, 2), int), TEMPERATURE)
    with pytest.raises(UsageError, match=r"codes: shape \(2,\)"):
        from_fixed_point(np.zeros(2, np.uint8), TEMPERATURE)
    with pytest.raises(UsageError, match="out_of_range is 'wrap'"):
        fixed_point([[0, 0]], TEMPERATURE, "wrap")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "finite"),
        ([np.inf, 0], "finite"),
        ([np.nan, 0], "NaN"),
        ([3.0, 3.0], "all are 3.0"),
        ([0.0, 1e-50], "float32 cannot hold"),
        ([0.0, 1e300], "float32 cannot hold"),
    ],
)
def test_values_without_a_grid_are_refused(values, message):
    with pytest.raises(UsageError, match=message):
        fixed_point_grid(values)
