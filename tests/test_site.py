"""The site has every page, and every package that has an interface."""

import ast
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def pages(entries):
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from [value] if isinstance(value, str) else pages(value)


def test_every_page_is_in_the_navigation_once():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    listed = list(pages(settings["nav"]))
    assert sorted(listed) == sorted(there)


def test_every_package_with_an_interface_has_a_page():
    packages = {
        path.parent.name
        for path in (ROOT / "src/signbit").glob("*/__init__.py")
        if any(
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for node in ast.parse(path.read_text("utf-8")).body
        )
    }
    # The command line has its --help; pickles are read for other packages alone.
    missing = packages - {page.stem for page in (DOCS / "reference").glob("*.md")}
    assert missing <= {"cli", "pickles"}


def test_fields_of_docstrings_become_lists():
    from tools.docstrings import with_lists

    text = "Do it: now.\n\nx: a number,\n    which is long.\ny, z: others.\n\nRaises: UsageError."
    assert with_lists(text) == (
        "Do it: now.\n\n- **x**: a number,\n    which is long.\n- **y**, **z**: others.\n\n"
        "- **Raises**: UsageError."
    )


def test_text_after_a_field_of_a_docstring_is_no_part_of_the_list():
    from tools.docstrings import with_lists

    assert with_lists("Do it.\n\nx: a number,\n    long.\ny = 2 x.") == (
        "Do it.\n\n- **x**: a number,\n    long.\n\ny = 2 x."
    )
