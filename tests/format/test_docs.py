"""The page about the file names every field, operation and golden file."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.files import GOLDEN, ends, parts, small

from signbit.format.digest import PLACEHOLDER
from signbit.format.file import to_bytes
from signbit.format.ops import operations

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")


def section(title: str) -> str:
    """What stands under a heading, up to the next one of its rank or above."""
    rank = re.findall(rf"^(#+) {re.escape(title)}$", PAGE, re.M)[0]
    ends_at = rf"(?=^#{{1,{len(rank)}}} |\Z)"
    (text,) = re.findall(rf"^{rank} {re.escape(title)}\n(.*?){ends_at}", PAGE, re.M | re.S)
    return text


def fields(title: str) -> list[str]:
    """The names in the first column of the section's table."""
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section(title), re.M)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


@pytest.mark.parametrize("title", ["Inputs", "Outputs"])
def test_every_field_of_inputs_and_outputs_has_a_row(title):
    first = {"Inputs": replace(ends().inputs[0], crop=0.875), "Outputs": ends().outputs[0]}[title]
    assert sorted(fields(title)) == sorted(first.to_dict())


def test_every_field_of_the_metadata_has_a_row():
    written = parts(to_bytes(ends()))[1] | parts(to_bytes(small()))[1]
    assert sorted(fields("Frame")) == sorted(written)
    assert sorted(fields("Version 1: the short form")) == sorted(written["preprocessing"])


def test_every_golden_file_is_listed_with_its_version():
    rows = dict(re.findall(r"^\| `(\w+\.signbit)` \| (\d) \|", section("Golden files"), re.M))
    found = {path.name: path for path in GOLDEN.parent.glob("*.signbit")}
    assert sorted(rows) == sorted(found)
    for name, version in rows.items():
        assert parts(found[name].read_bytes())[1]["version"] == int(version)


def test_the_digest_of_the_golden_file_is_on_the_page():
    digest = parts(to_bytes(small()))[1]["digest"]
    assert digest != PLACEHOLDER
    assert f"`{digest}`" in section("Golden files")


@pytest.mark.parametrize("name", operations.names())
def test_every_operation_has_a_row(name):
    assert f"`{name}`" in section("Nodes")
