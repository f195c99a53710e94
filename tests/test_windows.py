"""The core on Windows, as far as Linux can simulate it: no `fcntl`, no flags of POSIX, and files
that cannot be moved or deleted while they are open."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from signbit import zoo
from signbit.folder_lock import LOCK_FILE, lock

ROOT = Path(__file__).resolve().parents[1]
BEGIN = """
import sys, numpy, PIL.Image, safetensors.numpy, yaml, typer, rich.console, subprocess, tempfile
import os
import shutil
import importlib.metadata
from pathlib import Path
from tests.helpers.as_windows import simulate
simulate()
from signbit import files
"""


def run(program: str, *arguments: object) -> str:
    """Run a program of Python on the simulated Windows; returns what it prints."""
    command = [sys.executable, "-c", BEGIN + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_packed_network_loads_and_runs(tmp_path):
    (tmp_path / "digits.signbit").write_bytes(zoo.read("digits_binary"))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    run(
        """
import signbit
engine = signbit.load(Path(sys.argv[1]) / "digits.signbit", threads=2)
scores = engine(numpy.load(Path(sys.argv[1]) / "pixels.npy"))
numpy.save(Path(sys.argv[1]) / "scores.npy", scores)
""",
        tmp_path,
    )
    expected = zoo.load("digits_binary")(pixels)
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), expected)


def test_the_command_line_predicts(tmp_path):
    run(
        """
from signbit.cli import main
os.chdir(sys.argv[1])
for arguments in ("zoo digits_binary -o digits.signbit", "images digits digits",
                  "predict digits.signbit digits/test --out answers.csv"):
    try:
        main(arguments.split())
    except SystemExit as end:
        assert not end.code, arguments
""",
        tmp_path,
    )
    assert len((tmp_path / "answers.csv").read_text().splitlines()) > 100
    assert not list(tmp_path.rglob(".signbit-*"))


def test_a_file_is_replaced_whole_and_what_is_in_use_stays(tmp_path):
    (tmp_path / "result").write_text("old")
    (tmp_path / ".signbit-0123.tmp").touch()
    run(
        """
folder = Path(sys.argv[1])
files.atomic_write(folder / "result", b"new\\r\\n")
with files.atomic_path(folder / "other") as temporary:
    temporary.write_text("x")
    files.remove_leftovers(folder)
    assert [one.name for one in folder.glob(".signbit-*")] == [temporary.name]
try:
    with files.atomic_path(folder / "failed") as temporary:
        temporary.write_text("x")
        raise OSError("no room")
except files.OutputError:
    pass
with files.temporary_folder(folder) as made:
    (made / "file").touch()
""",
        tmp_path,
    )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["other", "result"]
    assert (tmp_path / "result").read_bytes() == b"new\r\n"


def test_only_one_process_works_in_a_folder(tmp_path):
    program = """
from signbit.errors import UsageError
from signbit.folder_lock import lock
try:
    with lock(Path(sys.argv[1])):
        print("locked")
except UsageError as error:
    print(error)
"""
    with lock(tmp_path):
        assert "is in use by process" in run(program, tmp_path)
        assert (tmp_path / LOCK_FILE).exists()
    assert run(program, tmp_path) == "locked\n"
    assert not (tmp_path / LOCK_FILE).exists()


def test_the_simulation_refuses_what_windows_refuses(tmp_path):
    with pytest.raises(AssertionError, match="PermissionError"):
        run(
            """
path = Path(sys.argv[1]) / "open"
with path.open("w"):
    path.unlink()
""",
            tmp_path,
        )
