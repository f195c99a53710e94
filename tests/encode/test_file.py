import json
import subprocess
import sys

import numpy as np
import pytest

from signbit.encode import OneHot, Thermometer, load_encoders, save_encoders
from signbit.encode._file import MAX_BYTES
from signbit.errors import DataError, OutputError, UsageError

NUMBERS = Thermometer(np.array([[0.1, 0.25], [-3, 3e38]]))
KINDS = OneHot([["ä", "b"]], unknown="zeros")


def entries(**changes):
    return {"format": "signbit encoders", "version": 1, "encoders": {"x": NUMBERS.to_dict()}} | (
        changes
    )


def thresholds(value):
    return entries(encoders={"x": {"kind": "thermometer", "thresholds": value}})


def categories(value, unknown: object = "error"):
    one = {"kind": "one_hot", "categories": value, "unknown": unknown}
    return entries(encoders={"x": one})


def test_encoders_come_back_as_they_were(tmp_path):
    path = tmp_path / "encoders.json"
    save_encoders(path, {"numbers": NUMBERS, "kinds": KINDS})
    found = load_encoders(path)
    assert list(found) == ["numbers", "kinds"]
    assert isinstance(found["numbers"], Thermometer)
    np.testing.assert_array_equal(found["numbers"].thresholds, NUMBERS.thresholds)
    assert found["numbers"].thresholds.dtype == np.float32
    assert found["kinds"] == KINDS


def test_the_file_has_the_table_that_a_program_in_c_needs(tmp_path):
    save_encoders(
        tmp_path / "e.json", {"x": Thermometer(np.array([[0.5, 1]])), "k": OneHot([[4, 2]])}
    )
    assert json.loads((tmp_path / "e.json").read_text()) == {
        "format": "signbit encoders",
        "version": 1,
        "encoders": {
            "x": {"kind": "thermometer", "thresholds": [[0.5, 1.0]]},
            "k": {"kind": "one_hot", "categories": [[4, 2]], "unknown": "error"},
        },
    }


MALFORMED = {
    "no json": ("{", "Expecting"),
    "no utf-8": (b"\xff", "decode"),
    "list": ([], "not a file of encoders"),
    "format": (entries(format="x"), "not a file of encoders: its 'format' is not"),
    "version": (entries(version=2), "version 2; this signbit reads version 1"),
    "version true": (entries(version=True), "version True"),
    "field": (entries(more=1), "format, version and encoders, and nothing else"),
    "none": (entries(encoders={}), "an object of 1 to 1024 encoders"),
    "many": (entries(encoders=dict.fromkeys(map(str, range(1025)))), "1 to 1024"),
    "array": (entries(encoders=[1]), "an object of 1 to 1024 encoders"),
    "name": (entries(encoders={"a\n": KINDS.to_dict()}), "without control characters"),
    "number": (entries(encoders={"x": 1}), "encoder 'x': kind None"),
    "kind": (entries(encoders={"x": {"kind": "exec"}}), "'x': kind 'exec'; give thermometer or"),
    "kinds": (entries(encoders={"x": {"kind": []}}), "encoder 'x': kind []"),
    "missing": (entries(encoders={"x": {"kind": "one_hot"}}), "give kind, categories, unknown"),
    "more": (
        entries(encoders={"x": {**NUMBERS.to_dict(), "y": 1}}),
        "give kind, thresholds, and nothing else",
    ),
    "text": (thresholds("12"), "encoder 'x': thresholds: give a list of numbers"),
    "texts": (thresholds([["1"]]), "give a list of numbers"),
    "flat": (thresholds([1, 2]), "give a list of numbers"),
    "true": (thresholds([[True]]), "give a list of numbers"),
    "ragged": (thresholds([[1], [1, 2]]), "give the same number of them for each feature"),
    "empty": (thresholds([]), "give the same number of them for each feature"),
    "no levels": (thresholds([[]]), "shape (1, 0)"),
    "falling": (thresholds([[2, 1]]), "encoder 'x': thresholds of feature 0 fall"),
    "large": (thresholds([[1e300]]), "not finite in float32"),
    "long": (thresholds([[10**500]]), "a number is too large for float32"),
    "nan": ('{"format": NaN}', "NaN is not a number in JSON"),
    "twice": ('{"version": 1, "version": 1}', "occurs twice"),
    "deep": ("[" * 1000, "more than 64"),
    "values": ("[" + "1," * (1 << 20) + "1]", "more than 1048576 values"),
    "categories": (categories(5), "categories: give a list"),
    "nested": (categories([[[1]]]), "categories: give text"),
    "long name": (categories([["a" * 5000 + "\n"]]), "'aaaa"),
    "unknown": (categories([["a"]], unknown=3), "unknown is 3"),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "e.json"
    if isinstance(content, dict | list):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        load_encoders(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert message in text
    assert text.isprintable()
    assert len(text) < 700


def test_a_missing_or_a_too_large_file_and_a_folder_are_named(tmp_path):
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for path in (tmp_path / "no.json", tmp_path, large):
        with pytest.raises(DataError, match=f"^{path}: cannot be read: "):
            load_encoders(path)


def test_what_could_not_be_read_is_not_written(tmp_path):
    path = tmp_path / "e.json"
    with pytest.raises(UsageError, match="encoder 'x' is int; give Thermometer or OneHot"):
        save_encoders(path, {"x": 3})  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="1 to 1024 encoders"):
        save_encoders(path, {})
    with pytest.raises(UsageError, match="without control characters"):
        save_encoders(path, {"a\nb": KINDS})
    with pytest.raises(UsageError, match="more than 1048576 values"):
        save_encoders(path, {"x": OneHot([list(range((1 << 20) + 5))])})
    assert not path.exists()
    with pytest.raises(OutputError, match="cannot write"):
        save_encoders(tmp_path, {"x": KINDS})


def test_encoding_needs_no_torch():
    code = "import sys, signbit.encode; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
