"""Each example learns something, packs, and gives a network and C that work."""

import importlib
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import missing

import signbit
from signbit import zoo
from signbit.runtime.samples import random_inputs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
# Short trainings, and what chance or a constant answer does not reach.
RUNS = {
    "tabular": (["--epochs", "8"], 0.85),
    "sensor": (["--epochs", "6", "--samples", "1500"], 0.7),
    "segmentation": (["--epochs", "3", "--samples", "160"], 0.34),
    "multilabel": (["--epochs", "5", "--samples", "1000"], 0.55),
    "regression": (["--epochs", "10"], 0.2),
}


@pytest.fixture(autouse=True)
def _examples_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    for name in (*RUNS, "shared"):
        sys.modules.pop(name, None)


def test_every_example_is_run_and_has_its_page():
    scripts = {path.stem for path in EXAMPLES.glob("*.py")} - {"shared"}
    pages = {path.stem for path in (ROOT / "docs" / "examples").glob("*.md")} - {"README"}
    assert scripts == pages == set(RUNS)
    table = (ROOT / "docs" / "examples" / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| \[\w+\]\((\w+)\.md\)", table, re.M)) == sorted(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_the_example_learns_packs_and_exports(name, tmp_path, capsys):
    if shutil.which("cc") is None:
        missing("the examples test their C with a compiler, cc")
    arguments, least = RUNS[name]
    reached = importlib.import_module(name).main(["--out", str(tmp_path), *arguments])
    assert reached > least
    printed = capsys.readouterr().out
    assert f"C: PASS {name}: " in printed
    engine = signbit.load(tmp_path / f"{name}.signbit")
    assert engine.model.info["check"]["bits_differ"] == 0
    assert engine.run(random_inputs(engine.model, 2)).keys() == {engine.outputs[0].name}
    assert json.loads((tmp_path / "c" / "manifest.json").read_text())["name"] == name


@pytest.mark.parametrize("name", RUNS)
def test_the_page_shows_lines_of_the_script(name):
    """Every line of Python on the page is a line of the script, so that they cannot differ."""
    page = (ROOT / "docs" / "examples" / f"{name}.md").read_text("utf-8")
    lines = {line.strip() for line in (EXAMPLES / f"{name}.py").read_text("utf-8").splitlines()}
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    assert blocks
    shown = [line.strip() for block in blocks for line in block.splitlines()]
    assert [line for line in shown if line not in lines] == []
    assert f"python examples/{name}.py\n" in page


def test_an_example_can_be_run_twice_in_one_folder(tmp_path, capsys):
    """The export replaces its folder only where nothing else lies in it."""
    if shutil.which("cc") is None:
        missing("the examples test their C with a compiler, cc")
    packed = zoo.load("digits_binary").model
    samples = random_inputs(packed, 2)["pixels"]
    shared = importlib.import_module("shared")
    for _ in range(2):
        shared.save_and_export(packed, tmp_path, "digits", samples)
    assert capsys.readouterr().out.count("C: PASS digits: ") == 2
