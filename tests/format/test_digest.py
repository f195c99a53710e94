"""No damaged file gives other scores: each flipped bit is seen."""

import hashlib
import random
import re
from pathlib import Path

import pytest
from helpers.files import GOLDEN, parts, resealed, small

from signbit import zoo
from signbit.errors import ModelFormatError
from signbit.format import PackedModel
from signbit.format.digest import PLACEHOLDER
from signbit.format.file import read, to_bytes

PAGE = Path(__file__).parents[2] / "docs" / "format.md"
OLD = GOLDEN.with_name("small_without_digest.signbit")


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def assert_harmless(content: bytes, bits) -> None:
    """Each flip is refused, or leaves the network as it was."""
    model = to_bytes(read(content))
    for bit in bits:
        try:
            found = read(flipped(content, bit))
        except ModelFormatError:
            continue
        assert to_bytes(found) == model, f"bit {bit}"


def test_no_flipped_bit_of_a_small_file_changes_the_network():
    content = GOLDEN.read_bytes()
    assert_harmless(content, range(8 * len(content)))


def test_no_flipped_bit_of_a_large_file_changes_the_network():
    content = zoo.read("digits_binary")
    assert_harmless(content, random.Random(0).sample(range(8 * len(content)), 500))


def test_the_digest_is_what_the_page_says():
    """SHA-256 of the file with zeros for its digits; the figure is in docs/format.md as well."""
    content = GOLDEN.read_bytes()
    digest = parts(content)[1]["digest"]
    zeros = content.replace(digest.encode(), b"0" * 64, 1)
    assert hashlib.sha256(zeros).hexdigest() == digest
    assert digest == "2c7fca74219aa65f712290f5279135834e9d94ff382a59a83b62bd336081f015"
    assert f"`{digest}`" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", zoo.names())
def test_the_files_of_the_zoo_have_one(name):
    content = zoo.read(name)
    assert resealed(content) == content
    assert re.fullmatch("[0-9a-f]{64}", parts(content)[1]["digest"])


def test_damage_says_the_way_out():
    content = bytearray(GOLDEN.read_bytes())
    content[-1] ^= 1
    with pytest.raises(ModelFormatError, match=r"^<bytes>: damaged: .*copy it or pack it again$"):
        read(bytes(content))


def test_a_file_of_the_version_before_has_none_and_loads():
    content = OLD.read_bytes()
    assert b"digest" not in content
    assert to_bytes(read(content)) == to_bytes(small())


def test_info_may_hold_what_stands_for_a_digest():
    model = small()
    info = {"a": PLACEHOLDER, "digest": PLACEHOLDER}
    content = to_bytes(PackedModel(model.nodes, model.preprocessing, info))
    assert read(content).info == info
