"""The Pythons of this machine, for wheels and their tests."""

import shutil
import subprocess
from pathlib import Path

PYENV = Path.home() / ".pyenv" / "versions"


def find_python(version: str) -> Path:
    """A CPython of a version such as "3.12", with its headers: on the path, else pyenv's.

    Raises: SystemExit where there is none.
    """
    # pyenv's own commands on the path run only the versions that it was told to.
    found = [Path(on_path)] if (on_path := shutil.which(f"python{version}")) else []
    found += sorted(PYENV.glob(f"{version}.*/bin/python{version}"))
    for python in found:
        if _works(python):
            return python
    raise SystemExit(
        f"no Python {version} with headers on the path or in {PYENV}; install one, for example "
        f"with: pyenv install {version}"
    )


def _works(python: Path) -> bool:
    program = (
        "import pathlib, sysconfig;"
        "assert pathlib.Path(sysconfig.get_path('include'), 'Python.h').exists()"
    )
    return subprocess.run([python, "-c", program], capture_output=True).returncode == 0
