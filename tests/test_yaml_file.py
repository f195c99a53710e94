import datetime
import os
import tracemalloc

import pytest

from signbit.errors import UsageError
from signbit.yaml_file import MAX_BYTES, MAX_DEPTH, dump_yaml, parse_yaml, read_yaml

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_plain_values_are_read():
    text = "a: 1\nb: [0.5, x, true, null]\nc: {40: 1e-3}\nd: 2020-01-01\ne: 0x10\n"
    wanted = {"a": 1, "b": [0.5, "x", True, None], "c": {40: "1e-3"}, "e": 16}
    assert parse_yaml(text, "x") == wanted | {"d": datetime.date(2020, 1, 1)}


@pytest.mark.parametrize("text", ["1:30", "1:30.5", "-1:00", "59:59:59"])
def test_numbers_to_base_60_are_texts(text):
    assert parse_yaml(f"a: {text}", "x") == {"a": text}
    assert parse_yaml(f"{text}: 1", "x") == {text: 1}
    assert parse_yaml(dump_yaml({"a": text}), "x") == {"a": text}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "anchors and aliases"),
        ("a: &x 1", "anchors and aliases"),
        ("a: *x", "anchors and aliases"),
        ("a: !!python/object/apply:os.getcwd []", "tags"),
        ("a: !!int x", "tags"),
        ("a: {<<: {b: 1}}", "merge keys"),
        ("a: 1\nb: 2\na: 3", "key 'a' occurs twice"),
        ("x: {b: 1, b: 1}", "key 'b' occurs twice"),
        ("[1]: 2", "a key is a list"),
        ("a: " + "9" * 30, "more than 64 bits"),
        ("a: " + "9" * 5000, "a whole number of 5000 characters; at most 64 bits are allowed"),
        ("a: 0x" + "9" * 50, "more than 64 bits"),
        ("a: 010", "line 1: the number 010 begins with 0; write it without the 0"),
        ("a: [0, -0_7]", "the number -0_7 begins with 0"),
        ("epochs: {040: 1}", "the number 040 begins with 0"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels"),
        ("[" * 9999, "levels"),
        ("a: 2024-13-45", "month must be"),
        ("a: \x1b", "not YAML"),
        ("a: [", "not YAML"),
        ("x" * (MAX_BYTES + 1), f"at most {MAX_BYTES}"),
        ("é" * MAX_BYTES, f"at most {MAX_BYTES}"),
    ],
)
def test_what_no_setting_needs_is_one_line_that_names_the_place(text, reason):
    with pytest.raises(UsageError) as caught:
        parse_yaml(text, "mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml: ")
    assert reason in message
    assert message.isprintable()


def test_a_text_of_aliases_takes_little_memory():
    tracemalloc.start()
    try:
        with pytest.raises(UsageError):
            parse_yaml(BOMB, "x")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(UsageError, match=f"cannot be read: more than {MAX_BYTES} bytes"):
        read_yaml(path, "large.yaml")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UsageError, match="not a file"):
        read_yaml(tmp_path / "pipe.yaml", "pipe.yaml")


def test_what_is_written_can_be_read_back():
    shared = [1.5, 2]
    values = {"a": shared, "b": shared, "c": {"d": None, "e": 1e-5}}
    assert parse_yaml(dump_yaml(values), "x") == values
    with pytest.raises(UsageError, match=r"settings cannot be written: .* bytes of YAML"):
        dump_yaml(list(range(MAX_BYTES)))
