import numpy as np
import pytest

from signbit.encode import (
    Thermometer,
    equal_width_thresholds,
    quantile_thresholds,
    thermometer,
)
from signbit.errors import InputTypeError, UsageError
from signbit.format import Input

THRESHOLDS = [[0, 1, 2], [-10, -10, 5.5]]


def test_bit_k_of_feature_f_is_its_value_above_threshold_k():
    bits = thermometer([[1.5, -10], [2, 6], [-1, -20]], THRESHOLDS)
    assert bits.dtype == bool
    assert bits.astype(int).tolist() == [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 0, 1, 1, 1],
        [0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("sides", [(), (5,), (3, 4)])
def test_axes_between_samples_and_features_stay(sides):
    values = np.random.default_rng(0).normal(0, 3, (2, *sides, 2))
    bits = thermometer(values, THRESHOLDS)
    assert bits.shape == (2, *sides, 6)
    for place in np.ndindex(2, *sides):
        for feature in range(2):
            for level in range(3):
                wanted = values[(*place, feature)] > THRESHOLDS[feature][level]
                assert bits[(*place, 3 * feature + level)] == wanted


def test_numbers_are_compared_as_float32_as_in_c():
    # A tenth is below the float32 that is nearest to it, and rounds to it.
    assert not thermometer([[0.1]], [[0.1]]).any()
    assert not thermometer(np.array([[np.float32(0.1)]]), [[0.1]]).any()
    assert thermometer([[np.nextafter(np.float32(0.1), np.float32(1))]], [[0.1]]).all()


def test_a_masked_array_without_a_masked_value_is_an_array():
    values = np.ma.array([[1.5, 0.0]], mask=False)
    assert thermometer(values, THRESHOLDS).astype(int).tolist() == [[1, 1, 0, 1, 1, 0]]


def test_infinities_and_huge_numbers_are_above_or_below_all():
    bits = thermometer([[np.inf, -np.inf], [1e300, -1e300]], THRESHOLDS)
    assert bits.astype(int).tolist() == [[1, 1, 1, 0, 0, 0]] * 2


@pytest.mark.parametrize("levels", [1, 2, 7, 15])
def test_quantile_thresholds_divide_values_into_equal_parts(levels):
    values = np.random.default_rng(1).permutation(np.arange(960.0))[:, None] ** 3
    shares = thermometer(values, quantile_thresholds(values, levels)).mean(axis=0)
    wanted = 1 - np.arange(1, levels + 1) / (levels + 1)
    np.testing.assert_allclose(shares, wanted, atol=0.5 / len(values))


@pytest.mark.parametrize("ones", [1, 3, 50, 97, 99])
def test_a_feature_of_two_values_is_divided_between_them_whatever_their_shares(ones):
    values = np.repeat([[0.0], [1.0]], [100 - ones, ones], axis=0)
    assert quantile_thresholds(values, 4).tolist() == [[0.5] * 4]


@pytest.mark.parametrize("seed", range(20))
def test_a_quantile_threshold_is_the_gap_with_the_nearest_share(seed):
    generator = np.random.default_rng(seed)
    values = generator.integers(0, generator.integers(2, 12), (50, 1)).astype(float)
    for level, threshold in enumerate(quantile_thresholds(values, 6)[0], 1):
        distinct = np.unique(values)
        gaps = (distinct[:-1] + distinct[1:]) / 2
        errors = [abs((values < gap).mean() - level / 7) for gap in gaps]
        assert threshold in gaps
        assert abs((values < threshold).mean() - level / 7) == pytest.approx(min(errors))


def test_neighbouring_floats_are_told_apart():
    for low in np.array([1, -1, 3e38, 0, 1.0000001], np.float32):
        values = np.stack([[low], [np.nextafter(low, np.float32(np.inf))]])
        assert thermometer(values, quantile_thresholds(values, 1)).tolist() == [[False], [True]]


def test_a_constant_feature_gives_no_bits():
    values = np.full((5, 1), 7.0)
    for thresholds in (quantile_thresholds(values, 3), equal_width_thresholds(values, 3)):
        assert thresholds.tolist() == [[7.0] * 3]
        assert not thermometer(values, thresholds).any()


def test_equal_widths_divide_the_range():
    values = np.array([[0.0, -1], [1, 1], [4, 1]])
    assert equal_width_thresholds(values, 3).tolist() == [[1, 2, 3], [-0.5, 0, 0.5]]


def test_fitting_over_a_sequence_takes_all_positions():
    values = np.random.default_rng(2).normal(size=(4, 9, 3))
    flat = quantile_thresholds(values.reshape(-1, 3), 5)
    np.testing.assert_array_equal(quantile_thresholds(values, 5), flat)


def test_an_encoder_holds_its_thresholds_and_counts_bits_for_an_input():
    values = np.random.default_rng(3).normal(size=(30, 4))
    encoder = Thermometer.fit(values, 5, spacing="equal_width")
    np.testing.assert_array_equal(encoder.thresholds, equal_width_thresholds(values, 5))
    np.testing.assert_array_equal(encoder(values), thermometer(values, encoder.thresholds))
    assert encoder.channels == 20
    assert Input.bits("features", (encoder.channels,)).type.channels == 20
    with pytest.raises(ValueError, match="read-only"):
        encoder.thresholds[0, 0] = 1


@pytest.mark.parametrize(
    ("values", "thresholds", "error", "message"),
    [
        ([[1.0, np.nan]], THRESHOLDS, UsageError, r"values: NaN at \(0, 1\)"),
        ([1.0, 2.0], THRESHOLDS, UsageError, r"values: shape \(2,\); give \(N, ..., features\)"),
        ([[1.0]], THRESHOLDS, UsageError, "values have 1 features, but the thresholds are for 2"),
        ([["a", "b"]], THRESHOLDS, InputTypeError, "values: <U1; give real numbers"),
        ([[True, False]], THRESHOLDS, InputTypeError, "values: bool"),
        ([[1.0, 2]], [[0, 1], [1, 0.5]], UsageError, "thresholds of feature 1 fall"),
        ([[1.0]], [0.0, 1], UsageError, r"thresholds: shape \(2,\); give \(features, levels\)"),
        ([[1.0]], [[0.0, np.nan]], UsageError, r"thresholds: NaN at \(0, 1\)"),
        (
            [[1.0]],
            [[0.0, np.inf]],
            UsageError,
            r"thresholds: the number at \(0, 1\) is not finite in float32",
        ),
        (
            [[1.0]],
            [[1e39]],
            UsageError,
            r"thresholds: the number at \(0, 0\) is not finite in float32",
        ),
        ([[1.0], [1.0, 2.0]], THRESHOLDS, UsageError, "values: rows of different lengths"),
        (
            np.ma.array([[1.0, 2.0]], mask=[[False, True]]),
            THRESHOLDS,
            UsageError,
            "values: some values are mask",
        ),
        ([[1.0]], [[0, 1], [0]], UsageError, "thresholds: rows of different lengths"),
        ([[1.0]], np.zeros((1, 5000)), UsageError, "at most 4096 levels"),
    ],
)
def test_what_cannot_be_encoded_is_refused(values, thresholds, error, message):
    with pytest.raises(error, match=message):
        thermometer(values, thresholds)


@pytest.mark.parametrize("find", [quantile_thresholds, equal_width_thresholds])
@pytest.mark.parametrize(
    ("values", "levels", "message"),
    [
        (np.zeros((0, 3)), 2, "no samples"),
        ([[np.inf]], 2, r"the value at \(0, 0\) is not finite in float32"),
        ([[np.nan]], 2, "NaN at"),
        ([[1.0]], 0, "levels is 0; give a whole number, 1 to 4096"),
        ([[1.0]], 2.0, "levels is 2.0"),
        ([[1.0]], True, "levels is True"),
    ],
)
def test_thresholds_that_cannot_be_found_are_refused(find, values, levels, message):
    with pytest.raises(UsageError, match=message):
        find(values, levels)


def test_an_unknown_spacing_is_refused():
    with pytest.raises(UsageError, match="spacing is 'log'; give quantile or equal_width"):
        Thermometer.fit([[1.0]], 2, spacing="log")  # pyright: ignore[reportArgumentType]
