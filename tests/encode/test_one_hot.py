import numpy as np
import pytest

from signbit.encode import OneHot
from signbit.errors import InputTypeError, UsageError

COLOURS = OneHot([["red", "green"], ["small", "large", "huge"]])


def test_a_bit_for_each_category_in_order():
    bits = COLOURS(np.array([["green", "small"], ["red", "huge"]]))
    assert bits.astype(int).tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]
    assert COLOURS.channels == 5


@pytest.mark.parametrize("dtype", [object, np.int8, np.uint64])
def test_whole_numbers_are_categories(dtype):
    encoder = OneHot([[3, 1]])
    assert encoder(np.array([[1], [3]], dtype)).tolist() == [[False, True], [True, False]]


def test_fitting_sorts_the_categories_of_each_feature():
    values = np.array([["b", "x"], ["a", "x"], ["b", "y"]], object)
    encoder = OneHot.fit(values)
    assert encoder.categories == (("a", "b"), ("x", "y"))
    assert encoder(values).sum(axis=1).tolist() == [2, 2, 2]
    assert OneHot.fit(np.array([[5], [-2]])).categories == ((-2, 5),)


def test_sequences_keep_their_positions():
    values = np.array([[[0], [2]], [[1], [1]]])
    bits = OneHot.fit(values)(values)
    assert bits.shape == (2, 2, 3)
    assert bits.argmax(axis=-1).tolist() == [[0, 2], [1, 1]]


def test_an_unknown_category_is_an_error_or_no_bit():
    values = np.array([["blue", "small"]])
    with pytest.raises(UsageError, match="feature 0: 'blue' is not one of its categories"):
        COLOURS(values)
    lenient = OneHot(COLOURS.categories, unknown="zeros")
    assert lenient(values).astype(int).tolist() == [[0, 0, 1, 0, 0]]


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ([["red"]], UsageError, "values have 1 features, but the categories are for 2"),
        (["red", "small"], UsageError, r"values: shape \(2,\)"),
        ([["red"], ["red", "small"]], UsageError, "values: rows of different lengths"),
        ([[1, 2]], InputTypeError, "values: int64; give text, as the categories are"),
        ([[1.0, 2.0]], InputTypeError, "values: float64; give text or whole numbers"),
        ([[True, False]], InputTypeError, "values: bool"),
        (np.array([["red", None]]), InputTypeError, "values: object"),
        (np.array([["red", 3]], object), InputTypeError, "values: object"),
        (np.array([[1 << 70, 3]], object), UsageError, "values: a number has more than 64 bits"),
    ],
)
def test_what_cannot_be_encoded_is_refused(values, error, message):
    with pytest.raises(error, match=message):
        COLOURS(values)


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ([], "give a list of one or more for each feature"),
        ([[]], "give a list of one or more for each feature"),
        ("ab", "give a list of one or more for each feature"),
        ([["a"], ["a", "a"]], "feature 1: two categories are the same"),
        ([[1, 1]], "feature 0: two categories are the same"),
        ([["a"], [1]], "give text for all features, or whole numbers for all"),
        ([[1.5]], "give text for all features"),
        ([[True]], "give text for all features"),
        ([[1 << 64]], "feature 0: a category has more than 64 bits"),
        ([["a\n"]], "give text without control characters"),
    ],
)
def test_categories_are_checked(categories, message):
    with pytest.raises(UsageError, match=message):
        OneHot(categories)


def test_no_samples_have_no_categories():
    with pytest.raises(UsageError, match="no samples"):
        OneHot.fit(np.zeros((0, 2), int))


def test_the_answer_to_unknown_ones_is_checked():
    with pytest.raises(UsageError, match="unknown is 'skip'; give error or zeros"):
        OneHot([["a"]], unknown="skip")  # pyright: ignore[reportArgumentType]


def test_the_lowest_and_the_highest_number_of_64_bits_are_categories():
    ends = [-1 << 63, (1 << 63) - 1]
    assert OneHot([ends])(np.array(ends)[:, None]).tolist() == [[True, False], [False, True]]


def test_texts_of_any_length_are_categories():
    words = np.array([["b"], ["a"]], np.dtypes.StringDType())
    assert OneHot.fit(words)(words).tolist() == [[False, True], [True, False]]
