import json
import math

import pytest

from signbit.strict_json import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, loads


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5, true, null, "x"]}', {"a": [1, -2.5, True, None, "x"]}),
        ('"\\ud83d\\ude00 \\\\ud800"', "\U0001f600 \\ud800"),
        (b'"\xc3\xa9"', "\xe9"),
        ("1e-999", 0.0),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, None),
        ("9" * MAX_DIGITS, 10**MAX_DIGITS - 1),
    ],
)
def test_json_is_read(text, value):
    found = loads(text)
    assert value is None or found == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[1] 2", "Extra data"),
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "the key 'c' occurs twice in one object"),
        (
            json.dumps({str(key): 0 for key in range(200_000)})[:-1] + ', "199999": 0}',
            "the key '199999' occurs twice",
        ),
        ("[NaN]", "NaN is not a number in JSON"),
        ("[Infinity]", "Infinity is not a number in JSON"),
        ("[-Infinity]", "-Infinity is not a number in JSON"),
        ("[-1e400]", "the number -1e400 is too large"),
        ('["\\ud800"]', "surrogates not allowed"),
        ('{"\\udfff": 1}', "surrogates not allowed"),
        ('"\\ude00\\ud83d"', "surrogates not allowed"),
        ('"\ud800"', "surrogates not allowed"),
        (b'"\xff"', "invalid start byte"),
        (b"\xef\xbb\xbf1", "Expecting value|BOM"),
        ("9" * (MAX_DIGITS + 1), f"of {MAX_DIGITS + 1} digits; at most {MAX_DIGITS}"),
        ("-" + "9" * (1 << 22), "digits; at most"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} objects"),
        ('{"a":' * 100_000, f"more than {MAX_DEPTH} objects"),
        ("[" + "0," * MAX_VALUES + "0]", f"more than {MAX_VALUES} values"),
    ],
    ids=range(19),
)
def test_what_could_be_read_in_two_ways_or_has_no_bounds_is_refused(text, message):
    with pytest.raises(ValueError, match=message) as error:
        loads(text)
    assert "\n" not in str(error.value)


def test_all_that_python_writes_is_read_where_it_may_be():
    value = ["\udcff", float("inf"), -float("inf"), {"a": 1e300}]
    assert loads(json.dumps(value), from_python=True) == value
    assert math.isnan(loads("NaN", from_python=True))
    for text in ('{"a": 1, "a": 1}', "1e999", "9" * (MAX_DIGITS + 1)):
        with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
            loads(text, from_python=True)


def test_as_many_values_as_the_caller_says():
    text = "[" + "0," * MAX_VALUES + "0]"
    assert len(loads(text, most_values=MAX_VALUES + 1)) == MAX_VALUES + 1
    with pytest.raises(ValueError, match="more than 2 values"):
        loads("[1, 2, 3]", most_values=2)
