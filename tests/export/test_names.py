import pytest

from signbit.export._names import safe_names


def test_ordinary_keys_are_their_own_names():
    keys = ["features.0.weight", "features.0.weight.binary", "classifier.1.running_mean"]
    assert safe_names(keys) == keys


@pytest.mark.parametrize("key", ["con", "NUL.weight", "Com1.bias", "lpt9", "aux.0.x"])
def test_windows_devices_are_avoided(key):
    assert safe_names([key]) == [f"_{key}"]


@pytest.mark.parametrize(
    "key", ["", ".", "..", ".hidden", "-rf", "a/b", "a\\b", "é", "x\0y", "a:b"]
)
def test_odd_names_become_plain_ones(key):
    (name,) = safe_names([key])
    assert name
    assert name[0] not in ".-"
    assert set(name) <= set("abxyrfhiden._-")


def test_names_stay_distinct_where_case_or_odd_letters_do_not_count():
    keys = ["a.B", "A.b", "a.b", "a/b", "a_b", "a.b-2", "a.b", "x" * 300, "x" * 299 + "y"]
    names = safe_names(keys)
    assert len({name.lower() for name in names}) == len(keys)
    assert max(map(len, names)) < 140
