"""The pages about packing run as they stand, and the tables of the rules are those of the code."""

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.models import OptionInfo

import signbit
from signbit.cli.pack import pack
from signbit.format.ops import operations
from tests.pack.test_refusals import FIELD, REFUSALS, SOURCES, template
from tests.test_docs import run
from tools.make_operators import PAGE, rewritten

TEXT = PAGE.read_text("utf-8")
GUIDE = PAGE.with_name("packing.md")
COURSE = PAGE.with_name("course.md")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A second one does not help networks this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tried(page: Path) -> int:
    """How many examples the page has; each gives what the page says."""
    failed, number = doctest.testfile(
        str(page), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert failed == 0
    return number


def test_the_examples_give_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tried(GUIDE) > 20
    assert signbit.load("net.signbit").inputs[0].shape == (8, 8, 3)


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
def test_the_network_of_a_course_does_what_its_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tried(COURSE) > 20
    assert signbit.load("notes.signbit").scores(np.zeros((1, 8, 8, 1), np.uint8)).shape == (1, 10)
    assert list(tmp_path.glob("notes_c/*.c"))


@pytest.mark.slow
def test_the_commands_of_the_page_work(tmp_path):
    done = run(GUIDE.read_text("utf-8"), tmp_path)
    assert done.returncode == 0, done.stdout
    assert signbit.load(tmp_path / "net.signbit").inputs[0].shape == (8, 8, 1)


def test_the_tables_of_operators_are_those_of_the_code():
    assert rewritten(TEXT) == TEXT, "python tools/make_operators.py writes them"


def quoted(heading: str, text: str = TEXT) -> list[str]:
    """What the first column of the table under a heading has in backticks."""
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [one for cell in cells for one in re.findall(r"`([^`]+)`", cell)]


QUOTED = quoted("What is refused, and the way out")


@pytest.mark.parametrize("place", REFUSALS)
def test_every_refusal_is_on_the_page(place):
    assert any(quote in REFUSALS[place] for quote in QUOTED), REFUSALS[place]


def test_the_frequent_refusals_are_those_of_the_whole_table():
    frequent = quoted("When `pack` refuses", GUIDE.read_text("utf-8"))
    assert len(frequent) > 5
    assert set(frequent) <= set(QUOTED)


def test_every_refusal_on_the_page_is_one():
    said = [
        template(node)
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr | ast.Constant)
    ]
    assert [one for one in QUOTED if not any(one in text for text in said)] == []
    assert FIELD in "".join(QUOTED)


def test_every_word_of_the_report_is_on_the_page():
    source = ast.parse((SOURCES / "_report.py").read_text("utf-8"))
    (table,) = [
        node.value
        for node in ast.walk(source)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_BECAME"
    ]
    assert isinstance(table, ast.Dict)
    became = {ast.literal_eval(value) for value in table.values}
    missing = became - set(re.findall(r"^\| ([^`|]+) \|", TEXT, re.MULTILINE))
    assert missing <= set(operations.names())


def names_of(option: OptionInfo, parameter: str) -> list[str]:
    """As they are typed; in an annotation typer keeps the first name as the default."""
    given = [one for one in (option.default, *(option.param_decls or ())) if isinstance(one, str)]
    return given or [f"--{parameter}"]


def test_every_option_of_the_command_is_on_the_page():
    section = TEXT.split("\n## The command\n")[1]
    parameters = inspect.signature(pack, eval_str=True).parameters
    options = [
        one
        for name, parameter in parameters.items()
        if isinstance(option := parameter.annotation.__metadata__[0], OptionInfo)
        for one in names_of(option, name)
    ]
    assert {"-o", "--set", "--check/--no-check", "--json"} < set(options)
    assert [one for one in options if not re.search(rf"`{one}[` ]", section)] == []
