import numpy as np
import pytest

from signbit.data._values import (
    InputEncoder,
    as_numbers,
    to_class_map,
    to_classes,
    to_labels,
    to_quantities,
)
from signbit.errors import DataError
from signbit.format import Input


def place(index):
    return f"at {index}"


HALVES = Input.fixed_point("x", (2,), 0.5, -8.0)


def test_real_numbers_become_the_nearest_codes_and_clipped_ones_are_counted():
    encode = InputEncoder(HALVES)
    codes = encode(np.array([[-8.0, 0.0], [0.2, 119.5], [-8.3, 200.0]]), place)
    assert codes.tolist() == [[0, 16], [16, 255], [0, 255]]
    assert codes.dtype == np.uint8
    assert encode.clipped == 2


def test_every_code_is_the_nearest_to_its_own_number():
    one = Input.fixed_point("x", (256,), 0.1, -3.7)
    numbers = np.arange(256) * 0.1 - 3.7
    np.testing.assert_array_equal(InputEncoder(one)(numbers[None], place)[0], np.arange(256))


def test_scale_and_bias_are_those_of_each_channel():
    one = Input("x", "u8", (2,), [1.0, 10.0], [0.0, -100.0])
    assert InputEncoder(one)(np.array([[7.0, 20.0]]), place).tolist() == [[7, 12]]


def test_uint8_and_with_the_option_other_numbers_are_codes():
    codes = np.array([[3, 255]], np.uint8)
    assert InputEncoder(HALVES)(codes, place) is codes
    found = InputEncoder(HALVES, codes=True)(np.array([[3.0, 255.0]]), place)
    assert found.tolist() == [[3, 255]]


@pytest.mark.parametrize("value", [256, -1, 0.5])
def test_what_is_no_code_is_refused(value):
    with pytest.raises(DataError, match=rf"at \(0, 1\): {value}.*; codes are whole numbers"):
        InputEncoder(HALVES, codes=True)(np.array([[0.0, value]]), place)


@pytest.mark.parametrize(
    "one", [HALVES, Input.numbers("x", (2,)), Input.bits("x", (2,))], ids=["u8", "f32", "bits"]
)
def test_nan_is_refused_with_its_place(one):
    with pytest.raises(DataError, match=r"at \(1, 0\): NaN"):
        InputEncoder(one)(np.array([[0, 1], [np.nan, 0]]), place)


@pytest.mark.parametrize("values", [[[1, -1]], [[1, 0]], [[True, False]], [[1.0, -1.0]]])
def test_bits_may_be_signs_or_zeros_and_ones(values):
    found = InputEncoder(Input.bits("x", (2,)))(np.array(values), place)
    assert found.dtype == bool
    assert found.tolist() == [[True, False]]


def test_two_ways_of_writing_bits_are_refused_also_over_batches():
    encode = InputEncoder(Input.bits("x", (2,)))
    encode(np.array([[1, 0]]), place)
    with pytest.raises(DataError, match=r"at \(0, 0\) is -1 and at \(0, 1\) is 0"):
        encode(np.array([[-1, 1]]), place)


def test_other_numbers_are_no_bits():
    with pytest.raises(DataError, match=r"at \(0, 1\): 2; bits are"):
        InputEncoder(Input.bits("x", (2,)))(np.array([[1, 2]]), place)


def test_numbers_become_float32_and_too_large_ones_are_refused():
    encode = InputEncoder(Input.numbers("x", (2,)))
    found = encode(np.array([[0.1, np.inf]]), place)
    assert found.dtype == np.float32
    assert found.tolist() == [[np.float32(0.1), np.inf]]
    with pytest.raises(DataError, match=r"at \(0, 0\): 1e\+300 is too large"):
        encode(np.array([[1e300, 0]]), place)


def test_text_becomes_numbers():
    assert as_numbers(["1", " -2.5e1", "True", "false"], place).tolist() == [1, -25, 1, 0]
    assert as_numbers(["inf", "-Infinity", "1e300"], place).tolist() == [np.inf, -np.inf, 1e300]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("high", "is not a number"),
        ("2020_01", "is not a number"),  # Python reads 202001
        ("1,5", "is not a number"),
        ("-1e400", "is too large for a number"),
    ],
)
def test_text_that_is_no_number_is_refused(text, says):
    with pytest.raises(DataError, match=rf"at \(1,\): '{text}' {says}"):
        as_numbers(["1", text], place)


@pytest.mark.parametrize(
    ("column", "names", "wanted"),
    [
        (["b", "a"], ("a", "b"), [1, 0]),
        (["1", "b"], ("a", "b"), [1, 1]),
        (np.array([1, 0]), ("a", "b"), [1, 0]),
        (np.array([1.0, 0.0]), ("a", "b"), [1, 0]),
        (np.array([True, False]), ("a", "b"), [1, 0]),
        (["2", "1"], ("1", "2"), [1, 0]),  # names, though they look like indices
        (["plane"], ("car", "airplane"), [1]),
    ],
)
def test_classes_are_names_or_indices(column, names, wanted):
    assert to_classes(column, names, place).tolist() == wanted


@pytest.mark.parametrize(
    ("column", "names"),
    [(["c"], ("a", "b")), (["2"], ("a", "b")), (["-1"], ("a", "b")), (["0"], ("1", "2"))],
)
def test_what_is_no_class_is_refused(column, names):
    with pytest.raises(DataError, match=r"at \(0,\): .* is not a class; the 2 classes are"):
        to_classes(column, names, place)


def test_255_is_not_counted_in_a_map_unless_it_is_a_class():
    assert to_class_map(np.array([[0, 2, 255]], np.uint8), 3, place).tolist() == [[0, 2, -1]]
    assert to_class_map(np.array([255]), 256, place).tolist() == [255]
    for value in (3, -1, 256):
        with pytest.raises(DataError, match=rf"at \(0, 1\): label {value}; classes go from 0 to 2"):
            to_class_map(np.array([[0, value]]), 3, place)
    with pytest.raises(DataError, match="give whole numbers"):
        to_class_map(np.zeros((1, 1)), 3, place)


def test_labels_are_0_or_1():
    assert to_labels(np.array([[0, 1.0]]), place).tolist() == [[False, True]]
    with pytest.raises(DataError, match=r"at \(0, 1\): 2; a label is 0 or 1"):
        to_labels(np.array([[0, 2]]), place)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_quantities_are_finite(value):
    with pytest.raises(DataError, match=r"at \(1,\): (nan|inf); give a finite number"):
        to_quantities(np.array([0, value]), place)


def test_quantities_whose_squares_no_number_holds_are_refused():
    with pytest.raises(DataError, match=r"at \(0,\): 1e\+200 is too large"):
        to_quantities(np.array([1e200]), place)
