"""The notebooks of docs/notebooks, as the repository holds them.

python -m tools.notebooks [--pictures]

After a change in Jupyter, this removes all outputs, and gives the Chinese notebook the code of the
English one. With --pictures it then runs the English notebook. Each picture of a cell with a tag
goes to docs/pictures/TAG.png, where docs/notebooks/README.md shows it.
"""

import base64
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

DOCS = Path(__file__).parents[1] / "docs"
ENGLISH = DOCS / "notebooks" / "learning-notes.ipynb"
CHINESE = DOCS / "notebooks" / "learning-notes.zh-CN.ipynb"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_START_SECONDS = 300  # a kernel starts slowly while other tests keep the cores busy


def read(path: Path) -> NotebookNode:
    """A notebook of a file, checked by the schema of its format."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def tidied(notebook: NotebookNode, code_of: NotebookNode) -> NotebookNode:
    """The text of a notebook with the code of another one, without outputs.

    Raises: ValueError where the two do not have the same kinds of cells in the same order.
    """
    kinds, wanted = ([cell.cell_type for cell in one.cells] for one in (notebook, code_of))
    if kinds != wanted:
        raise ValueError(f"the kinds of the cells are {kinds}; give them as here: {wanted}")
    cells = []
    for number, (text, code) in enumerate(zip(notebook.cells, code_of.cells, strict=True)):
        identity = f"cell-{number:02d}"
        if code.cell_type == "code":
            tags = {"tags": code.metadata.tags} if code.metadata.get("tags") else {}
            cells.append(nbformat.v4.new_code_cell(code.source, id=identity, metadata=tags))
        else:
            cells.append(nbformat.v4.new_markdown_cell(text.source, id=identity))
    return nbformat.v4.new_notebook(cells=cells, metadata=_METADATA)


def executed(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook with the outputs of its cells, after a run from top to bottom in a folder.

    Raises: nbclient.exceptions.CellExecutionError where a cell fails.
    """
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        notebook, timeout=None, startup_timeout=_START_SECONDS, resources=resources
    )
    return client.execute()


def pictures(cell: NotebookNode) -> list[bytes]:
    """The pictures that a cell of an executed notebook shows, as PNG files."""
    shown = [output.data for output in cell.get("outputs", ()) if "data" in output]
    return [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data]


def _draw() -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = executed(read(ENGLISH), Path(folder))
    for cell in done.cells:
        for tag in cell.metadata.get("tags", ()):
            (picture,) = pictures(cell)
            (DOCS / "pictures" / f"{tag}.png").write_bytes(picture)


if __name__ == "__main__":
    english = read(ENGLISH)
    for path in (ENGLISH, CHINESE):
        nbformat.write(tidied(read(path), english), path)
    if "--pictures" in sys.argv[1:]:
        _draw()
