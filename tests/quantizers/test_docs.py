"""The page about quantizers names each of them, and its example runs."""

import doctest
from pathlib import Path

import pytest

from signbit.quantizers import quantizers

PAGE = Path(__file__).parents[2] / "docs" / "quantizers.md"


@pytest.mark.parametrize("name", quantizers.names())
def test_every_quantizer_has_a_row(name):
    assert f"\n| `{name}` | " in PAGE.read_text(encoding="utf-8")


def test_the_example_gives_what_the_page_says():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried > 0
    assert failed == 0
