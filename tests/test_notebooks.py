"""The notebook of the learning notes runs, and its Chinese text is about the same code.

The repository holds notebooks without outputs. So a figure or a picture in them cannot be older
than the code, and a change of a line is a change of one line in git. The pictures that a reader
should see before a run are on the page docs/notebooks/README.md.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tools.notebooks import CHINESE, ENGLISH, executed, pictures, read, tidied

PAGE = ENGLISH.parent / "README.md"
FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
CODE = re.compile(r"`([^`]+)`|^    (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


def sources(path: Path, kind: str) -> list[str]:
    return [cell.source for cell in read(path).cells if cell.cell_type == kind]


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # the kernel writes its files there
    cells = executed(read(ENGLISH), tmp_path).cells
    drawing = [
        cell for cell in cells if "plt.show(" in cell.source or "show_images(" in cell.source
    ]
    assert len(drawing) == 9
    assert all(len(pictures(cell)) == 1 for cell in drawing)
    shown = [output for cell in cells for output in cell.get("outputs", ())]
    assert [one.text for one in shown if one.get("name") == "stderr"] == []
    # Rich shows a warning that comes while a bar is drawn like any other text.
    texts = [one.get("text") or one.data.get("text/plain", "") for one in shown]
    assert [text for text in texts if "Warning" in text] == []


@pytest.mark.slow
def test_a_cell_that_fails_is_found(tmp_path):
    cells = [nbformat.v4.new_code_cell(line) for line in ("x = 1", "assert x == 2", "y = 3")]
    with pytest.raises(CellExecutionError, match="assert x == 2"):
        executed(nbformat.v4.new_notebook(cells=cells), tmp_path)


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=lambda path: path.name)
def test_a_notebook_is_as_the_tool_writes_it(path):
    text = nbformat.writes(tidied(read(path), read(ENGLISH))) + "\n"
    assert path.read_text("utf-8") == text, "run: python -m tools.notebooks"
    assert all(not cell.get("outputs") for cell in read(path).cells)


def test_both_languages_have_the_same_code():
    code = sources(ENGLISH, "code")
    assert len(code) > 20
    assert sources(CHINESE, "code") == code


def test_both_languages_have_the_same_text():
    english, chinese = sources(ENGLISH, "markdown"), sources(CHINESE, "markdown")
    assert len(chinese) == len(english)
    for one, other in zip(english, chinese, strict=True):
        assert set(FIGURE.findall(other)) == set(FIGURE.findall(one)), other
        assert sorted(CODE.findall(other)) == sorted(CODE.findall(one)), other
        assert other.count("|") == one.count("|")
        assert re.findall("^#+ ", other, re.MULTILINE) == re.findall("^#+ ", one, re.MULTILINE)
        if one != english[0]:  # the first links the other language
            assert LINK.findall(other) == [in_chinese(link) for link in LINK.findall(one)]
        assert other != one


def in_chinese(link: str) -> str:
    """The Chinese page in the place of an English one, where there is one."""
    chinese = f"../zh/{link.removeprefix('../')}"
    return chinese if (PAGE.parent / chinese).is_file() else link


def test_the_text_of_the_chinese_notebook_is_chinese():
    for text in sources(CHINESE, "markdown"):
        assert re.search(r"[\u4e00-\u9fff]", text), text


@pytest.mark.parametrize("path", [ENGLISH, CHINESE, PAGE], ids=lambda path: path.name)
def test_every_link_leads_to_a_file(path):
    text = path.read_text("utf-8") if path == PAGE else "\n".join(sources(path, "markdown"))
    links = [link for link in LINK.findall(text) if "://" not in link]
    assert len(links) > 2
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_different_kinds_of_cells_are_refused():
    code, text = nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_markdown_cell("x")
    one, other = (nbformat.v4.new_notebook(cells=cells) for cells in ([code, text], [text, code]))
    with pytest.raises(ValueError, match="kinds of the cells"):
        tidied(one, code_of=other)
