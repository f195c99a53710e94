"""The arithmetic that `signbit explain` shows is right, each way on its own."""

import doctest
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from signbit.cli._explanation import (
    MAX_BITS,
    TRUTH_TABLE,
    WORD_BITS,
    Explanation,
    pack,
    random_bits,
    signs,
)
from signbit.errors import UsageError
from signbit.models import create

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "how-it-works.md"


@st.composite
def operands(draw) -> tuple[str, str]:
    length = draw(st.integers(1, 200))
    a, w = (draw(st.integers(0, 2**length - 1)) for _ in range(2))
    return f"{a:0{length}b}", f"{w:0{length}b}"


def assert_all_ways_agree(a: str, w: str) -> None:
    explanation = Explanation(a, w)
    expected = sum(x * y for x, y in zip(signs(a), signs(w), strict=True))
    ways = (explanation.dot, explanation.dot_xnor, explanation.dot_xor, explanation.dot_words)
    assert ways == (expected,) * 4


def test_the_example_of_the_contract():
    explanation = Explanation("10110", "01100")
    assert explanation.products == [-1, -1, 1, -1, 1]
    assert explanation.xnor == "00101"
    assert explanation.xor == "11010"
    assert explanation.words == [(0b01101, 0b00110, 0b01011)]
    assert explanation.dot == explanation.dot_xnor == explanation.dot_xor == -1
    assert explanation.dot_words == -1


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 127, 128, 129, 1000, MAX_BITS])
def test_all_ways_agree_around_the_word_size(length):
    assert_all_ways_agree(*random_bits(length, seed=length))
    assert_all_ways_agree("1" * length, "1" * length)
    assert_all_ways_agree("1" * length, "0" * length)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(operands())
def test_all_ways_agree_on_any_bits(bits):
    assert_all_ways_agree(*bits)


def test_truth_table_is_that_of_signs():
    assert [row[:2] for row in TRUTH_TABLE] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for a, w, xnor, xor in TRUTH_TABLE:
        product = (2 * a - 1) * (2 * w - 1)
        assert (xnor, xor) == ((1, 0) if product == 1 else (0, 1))


@pytest.mark.parametrize("channel", [0, 1, 62, 63, 64, 65, 127, 128])
def test_channel_c_is_bit_c_mod_64_of_word_c_div_64(channel):
    bits = ["0"] * 129
    bits[channel] = "1"
    expected = [0, 0, 0]
    expected[channel // WORD_BITS] = 1 << channel % WORD_BITS
    assert pack("".join(bits)) == expected


def test_tail_bits_are_zero():
    assert pack("1" * 65) == [2**64 - 1, 1]


@pytest.mark.parametrize(
    ("a", "w", "message"),
    [
        ("", "1", r"^a is empty; give bits, such as 10110$"),
        ("1", "", r"^w is empty"),
        ("102", "111", r"^a has '2' at position 2; give only 0 and 1"),
        ("1 0", "111", r"^a has ' ' at position 1"),
        ("1", "-", r"^w has '-' at position 0"),
        ("\uff11", "1", r"^a has '\\uff11' at position 0"),
        ("1\x1b", "11", r"^a has '\\x1b' at position 1"),
        ("101", "10", r"^a has 3 bits, w has 2 bits; give the same number$"),
        ("1", "10", r"^a has 1 bit, w has 2 bits"),
        ("1" * (MAX_BITS + 1), "1", rf"^a has {MAX_BITS + 1} bits; give at most {MAX_BITS}$"),
    ],
)
def test_bits_that_are_none_are_named(a, w, message):
    with pytest.raises(UsageError, match=message):
        Explanation(a, w)


def test_random_bits_repeat_with_their_seed():
    assert random_bits(100, 1) == random_bits(100, 1)
    assert random_bits(100, 1) != random_bits(100, 2)
    assert random_bits(8, 0) == ("11011000", "01100010")


@pytest.mark.parametrize("length", [0, -1, MAX_BITS + 1])
def test_random_bits_have_a_length_in_range(length):
    with pytest.raises(UsageError, match=f"length is {length}; give 1 to {MAX_BITS} bits"):
        random_bits(length, 0)


def test_to_dict_is_plain_json_with_every_way():
    result = Explanation(*random_bits(70, 3)).to_dict()
    assert json.loads(json.dumps(result)) == result
    assert {result["dot"]} == {result[way]["dot"] for way in ("xnor", "xor", "words")}
    assert [len(word) for word in result["words"]["xor"]] == [18, 18]


def commands_of_the_page() -> list[tuple[str, str]]:
    """Each command in a console block of the page, with the output shown under it."""
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    parts = [block.removeprefix("$ ").partition("\n") for block in blocks]
    return [(command, output) for command, _, output in parts]


@pytest.mark.parametrize(("command", "output"), commands_of_the_page())
def test_commands_of_the_page_print_what_it_shows(command, output, tmp_path):
    assert command.startswith("signbit explain ")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == output
    for picture in tmp_path.glob("docs/pictures/*.png"):
        with Image.open(picture) as drawn, Image.open(DOCS / "pictures" / picture.name) as shown:
            assert drawn.size == shown.size


def test_python_of_the_page_does_what_it_shows():
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted > 5
    assert results.failed == 0


def test_links_and_pictures_of_the_page_exist():
    text = PAGE.read_text()
    headings = {
        line.lstrip("# ").lower().replace(" ", "-").replace(",", "")
        for line in text.splitlines()
        if line.startswith("#")
    }
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert "pictures/quantizers.png" in targets
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith("https:"):
            assert (DOCS / target).is_file()


def test_sizes_on_the_page_are_those_of_the_model():
    with torch.device("meta"):
        model = create("vgg_cifar10_binary")
    weights = sum(value.numel() for value in model.parameters() if value.ndim > 1)
    text = PAGE.read_text()
    assert f"{weights:,} binary weights" in text
    assert f"{weights * 4 / 1e6:.1f} MB, packed {weights // 8:,} bytes" in text
