"""Preprocessing is checked field by field and survives JSON."""

import json
import math

import pytest

from signbit.errors import UsageError
from signbit.format import Preprocessing

GOOD = {"scale": [1 / 127.5] * 3, "bias": [-1.0] * 3, "size": [32, 32], "classes": ["cat", "dog"]}


def test_sequences_become_tuples_so_that_equal_ones_compare_and_hash_alike():
    one, two = Preprocessing.from_dict(GOOD), Preprocessing.from_dict(GOOD)
    assert one == two
    assert hash(one) == hash(two)
    assert one.size == (32, 32)
    assert one.channels == 3
    assert one.classes == ("cat", "dog")


def test_to_dict_and_json_bring_it_back_exactly():
    preprocessing = Preprocessing.from_mean_std([0.1307], [0.3081], (28, 28), ["0", "1"])
    text = json.dumps(preprocessing.to_dict(), allow_nan=False)
    assert Preprocessing.from_dict(json.loads(text)) == preprocessing


@pytest.mark.parametrize("pixel", [0, 1, 127, 255])
def test_mean_and_std_mean_what_they_mean_in_torchvision(pixel):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    preprocessing = Preprocessing.from_mean_std(mean, std, (32, 32))
    for channel in range(3):
        real = preprocessing.scale[channel] * pixel + preprocessing.bias[channel]
        expected = (pixel / 255 - mean[channel]) / std[channel]
        assert math.isclose(real, expected, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("scale", [], "scale has 0 entries; give 1 to 4096"),
        ("scale", [1.0] * 4097, "scale has 4097 entries"),
        ("scale", [1.0, 1.0], "scale has 2 channels, bias 3"),
        ("scale", "abc", "scale is 'abc'; give a list"),
        ("scale", 1.0, "scale is 1.0; give a list"),
        ("scale", [1.0, math.nan, 1.0], "scale holds nan; give finite numbers"),
        ("scale", [1.0, True, 1.0], "scale holds True"),
        ("scale", [1.0, 10**400, 1.0], "scale holds 10"),
        ("bias", [0.0, -math.inf, 0.0], "bias holds -inf"),
        ("bias", [0.0, "1", 0.0], "bias holds '1'"),
        ("bias", None, "bias is None"),
        ("size", [32], r"size is \[32\]; give \(height, width\), each 1 to 16384"),
        ("size", [0, 32], r"size is \[0, 32\]"),
        ("size", [32, 16385], "size is"),
        ("size", [32.0, 32], "size is"),
        ("size", [True, 32], "size is"),
        ("size", 32, "size is 32"),
        ("size", "32", "size is '32'"),
        ("classes", "cat", "classes is 'cat'; give a list of names"),
        ("classes", [1], r"classes is \[1\]"),
        ("classes", None, "classes is None"),
        ("classes", 5, "classes is 5"),
        ("classes", {"cat": 1}, "classes is {'cat': 1}"),
        ("classes", ["cat", "cat"], "two classes are the same"),
    ],
)
def test_a_wrong_value_names_its_field(field, value, message):
    with pytest.raises(UsageError, match=f"^preprocessing: {message}"):
        Preprocessing.from_dict(GOOD | {field: value})


@pytest.mark.parametrize("field", ["scale", "bias", "size"])
def test_a_missing_field_is_named(field):
    with pytest.raises(UsageError, match=f"field '{field}' is missing"):
        Preprocessing.from_dict({key: value for key, value in GOOD.items() if key != field})


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\ud800", "\u2028"])
def test_class_names_are_lines_of_text(name):
    with pytest.raises(UsageError, match="without control characters") as error:
        Preprocessing([1.0], [0.0], (1, 1), (name, "b"))
    assert str(error.value).isprintable()


def test_an_unknown_field_names_the_closest():
    with pytest.raises(UsageError, match="Did you mean 'scale'"):
        Preprocessing.from_dict(GOOD | {"scales": []})


@pytest.mark.parametrize(
    ("mean", "std"), [([0.5], [0.0]), ([0.5], [-1.0]), ([0.5], [0.5, 0.5]), ([math.inf], [1.0])]
)
def test_mean_and_std_are_checked(mean, std):
    with pytest.raises(UsageError, match=r"^preprocessing: mean"):
        Preprocessing.from_mean_std(mean, std, (8, 8))


def test_a_crop_is_stored_only_where_it_is_set():
    assert "crop" not in Preprocessing.from_dict(GOOD).to_dict()
    cropped = Preprocessing.from_dict({**GOOD, "crop": 0.875})
    assert cropped.to_dict()["crop"] == 0.875
    assert Preprocessing.from_dict(cropped.to_dict()) == cropped


@pytest.mark.parametrize("crop", [0, 0.05, 1.5, math.nan, math.inf, True, "0.5", [0.5]])
def test_a_crop_is_a_share(crop):
    with pytest.raises(UsageError, match=r"crop is .*; give a share of the image, 0\.0625 to 1"):
        Preprocessing.from_dict({**GOOD, "crop": crop})
