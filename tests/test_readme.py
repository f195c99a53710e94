"""What the README shows a reader to type works as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^signbit .*$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_lines_of_the_readme_work(tmp_path, page):
    text = page.read_text("utf-8")
    programs, commands = PYTHON.findall(text), SHELL.findall(text)
    assert (len(programs), len(commands)) == (2, 2)
    (tmp_path / "pictures").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    for name in ("cat.jpg", "ship.png"):
        Image.fromarray(noise).save(tmp_path / "pictures" / name)
    for name, program in zip(("own.py", "zoo.py"), programs, strict=True):
        (tmp_path / name).write_text(program, "utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [
            "bash",
            "-euxo",
            "pipefail",
            "-c",
            "\n".join(["python own.py", "python zoo.py", *commands]),
        ],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\[\d\]$", done.stdout, re.MULTILINE)
    # Each picture has an answer from Python and one from the command.
    assert done.stdout.count("cat.jpg") == done.stdout.count("ship.png") == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_the_readme_is_there(page):
    links = re.findall(r'(?:\]\(|src(?:set)?=")([^)"#\s]+)', page.read_text("utf-8"))
    files = [link for link in links if not link.startswith("https://")]
    assert len(files) > 20
    assert [link for link in files if not (ROOT / link).exists()] == []


def test_the_readme_lists_every_command():
    from signbit.cli._app import commands

    rows = re.findall(r"^\| `(\w+)` \|", PAGES[0].read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(commands.names())
