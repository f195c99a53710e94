"""Each term of the glossary has its Chinese term and a page that explains it."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| term")
]
# Names that Chinese texts keep as they are.
SAME = {"NHWC", "QONNX", "RPReLU", "RSign"}


def test_terms_are_listed_once():
    terms = [row[0] for row in ROWS]
    assert len(terms) > 80
    assert sorted(set(terms)) == sorted(terms)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_term_has_its_chinese_term_a_meaning_and_a_page(row):
    term, chinese, meaning = row
    assert term in SAME or re.search(r"[\u4e00-\u9fff]", chinese)
    assert re.search(r"\. \[[^]]+\]\([\w/.#-]+\)(, \[[^]]+\]\([\w/.#-]+\))*$", meaning)


def test_terms_of_a_group_are_in_order():
    for group in PAGE.split("\n## ")[1:]:
        terms = [row[0].lower() for row in ROWS if f"\n| {row[0]} | " in group]
        assert terms == sorted(terms)
