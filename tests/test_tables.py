"""The tables of the pages are made from their data."""

import subprocess
import sys

import pytest

from signbit.errors import UsageError
from tools.tables import markdown_table, tables, with_links
from tools.tables._pages import ROOT, filled, names, pages

EMPTY = "# Page\n\n<!-- table: models -->\n<!-- end -->\n\nText.\n"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_the_tables_of_the_data(page):
    text = page.read_text("utf-8")
    assert filled(text) == text, "python -m tools.tables writes them"


def test_every_table_is_on_a_page():
    assert {name for page in pages() for name in names(page.read_text("utf-8"))} == set(
        tables.names()
    )


def test_a_table_stands_between_its_marks():
    before, table, after = filled(EMPTY).partition(tables.get("models")())
    assert before == "# Page\n\n<!-- table: models -->\n\n"
    assert "`resnet20`" in table
    assert after == "\n<!-- end -->\n\nText.\n"
    assert filled(filled(EMPTY)) == filled(EMPTY)


def test_a_table_that_nobody_makes_is_refused():
    with pytest.raises(UsageError, match="unknown table 'modles'"):
        filled(EMPTY.replace("models", "modles"))


@pytest.mark.parametrize(
    "text",
    [
        "<!-- table: models -->\n",
        "<!-- table: models -->\n<!-- table: zoo-bytes -->\n<!-- end -->\n",
        "See <!-- table: models -->\n<!-- end -->\n",
    ],
)
def test_a_mark_without_an_end_is_refused(text):
    with pytest.raises(ValueError, match="each mark is a line, and needs one"):
        filled(text)


@pytest.mark.parametrize("check", [True, False])
def test_the_command_finds_another_table_or_writes_it(tmp_path, check):
    page = tmp_path / "page.md"
    page.write_text(EMPTY, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tools.tables", str(page), *["--check"][:check]],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == (1 if check else 0)
    assert ("python -m tools.tables" in done.stderr) == check
    assert page.read_text("utf-8") == (EMPTY if check else filled(EMPTY))


def test_a_bar_in_a_cell_is_escaped():
    assert markdown_table(("a",), [("|x|",)]) == "| a |\n| --- |\n| \\|x\\| |\n"


def test_a_row_has_as_many_cells_as_the_header():
    with pytest.raises(ValueError, match="a row has 1 cells, the header has 2"):
        markdown_table(("a", "b"), [("1",)])


def test_papers_become_links():
    assert with_links("X, arXiv:1602.02830; y") == (
        "X, [arXiv:1602.02830](https://arxiv.org/abs/1602.02830); y"
    )
