"""What the pages about exports tell a reader to type works as it stands; their tables are true."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import missing
from helpers.networks import packed

from signbit.export import exporters

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "export"
ACCURACY = ROOT / "docs" / "accuracy.md"
PAGES = [*sorted(FOLDER.glob("*.md")), ACCURACY]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"<!-- needs: (.*) -->")


def tools_of(page: str) -> list[str]:
    """Programs that a comment at the top says the page needs; most say none."""
    found = NEEDS.search("\n".join(page.splitlines()[:3]))
    return found[1].replace(",", " ").split() if found else []


def run(
    page: str, folder: Path, programs: Path = Path(sys.executable).parent
) -> subprocess.CompletedProcess[str]:
    """Every sh block of a page in order, in one shell that stops at the first failure."""
    script = "\n".join(BLOCK.findall(page))
    assert script, "a page must say what to type"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_commands_of_a_page_work(tmp_path, path):
    page = path.read_text(encoding="utf-8")
    absent = [tool for tool in tools_of(page) if not shutil.which(tool)]
    if absent:
        missing(f"{path.name} needs {', '.join(absent)}")
    name = "narrow_digits" if "yosys" in page else "digits"
    packed(name).save(tmp_path / "digits.signbit")
    done = run(page, tmp_path)
    assert done.returncode == 0, f"{path.name}:\n{done.stdout}"


def test_every_test_that_the_page_on_reliability_names_is_there():
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[\w/.]+)", page))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


ABLATIONS = re.findall(
    r"^(?:\w+=\w+ )*python (bench/ablation\.py(?:.*\\\n)*.*)$",
    ACCURACY.read_text("utf-8"),
    re.MULTILINE,
)


def test_every_ablation_is_on_the_page():
    results = {path.name for path in (ROOT / "bench/results").iterdir()}
    assert results == {re.findall(r"--out bench/results/(\w+)", one)[0] for one in ABLATIONS}


@pytest.mark.parametrize("command", ABLATIONS)
def test_the_table_of_an_ablation_is_that_of_its_results(tmp_path, command):
    page = ACCURACY.read_text("utf-8")
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    done = subprocess.run(
        [sys.executable, *command.replace("\\\n", "").split(), "--table"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") > 2
    assert done.stdout in page


@pytest.mark.parametrize("to", exporters.names())
def test_every_format_is_in_the_table_with_its_page(to):
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| \[`{to}`\]\((\w+\.md)\) \|", table, re.MULTILINE)
    assert found, f"docs/export/README.md has no row for {to}"
    assert (FOLDER / found[1]).is_file()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("false", "false"),
        ("false | cat", "false"),
        ("nonsense", "nonsense: command not found"),
        ("echo $unset", "unset: unbound variable"),
        ("signbit export digits.signbit", "Missing option"),
    ],
)
def test_a_command_that_fails_is_found(tmp_path, command, told):
    page = f"# A page\n\n```sh\ntouch before\n```\n\n```sh\n{command}\ntouch after\n```\n"
    done = run(page, tmp_path)
    assert done.returncode != 0
    assert told in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["before"]


def test_a_page_without_commands_is_found(tmp_path):
    with pytest.raises(AssertionError, match="what to type"):
        run("# A page\n\n```python\n1 + 1\n```\n", tmp_path)


def test_pages_name_the_tools_that_they_need():
    assert tools_of("<!-- needs: octave iverilog -->\n# A page\n") == ["octave", "iverilog"]
    assert tools_of("# A page\n") == []
