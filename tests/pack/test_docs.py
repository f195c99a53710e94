"""The page about packing runs as it stands, and its tables are those of the code."""

import ast
import doctest
import inspect
import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from typer.models import OptionInfo

import signbit
from signbit.cli.pack import pack
from signbit.format.ops import operations
from tests.pack.test_refusals import FIELD, REFUSALS, SOURCES, template
from tools.make_operators import PAGE, rewritten

TEXT = PAGE.read_text("utf-8")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A second one does not help networks this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
def test_the_examples_give_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried > 30
    assert failed == 0
    assert signbit.load("notes.signbit").scores(np.zeros((1, 8, 8, 1), np.uint8)).shape == (1, 10)
    assert list(tmp_path.glob("notes_c/*.c"))


def test_the_tables_of_operators_are_those_of_the_code():
    assert rewritten(TEXT) == TEXT, "python tools/make_operators.py writes them"


def quoted(heading: str) -> list[str]:
    """What the first column of the table under a heading has in backticks."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [one for cell in cells for one in re.findall(r"`([^`]+)`", cell)]


QUOTED = quoted("What is refused, and the way out")


@pytest.mark.parametrize("place", REFUSALS)
def test_every_refusal_is_on_the_page(place):
    assert any(quote in REFUSALS[place] for quote in QUOTED), REFUSALS[place]


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
