"""Break a wheel in several ways, and see that the checks refuse it each time.

    python -m tests.wheels.broken

Run `make wheels` first; `make wheels-test` runs this, too. It breaks the wheel of Python 3.11 for
x86_64.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.wheels import answers, install
from tools import make_wheels

SYSTEM = install.SYSTEMS[0]
NEW_GLIBC = b"GLIBC_2.99"


def need_newer_glibc(library: bytes) -> bytes:
    """The same library, which asks for symbols of a glibc that does not exist yet."""
    wanted = max(re.findall(rb"GLIBC_2\.\d\d(?=\0)", library))
    return library.replace(wanted + b"\0", NEW_GLIBC + b"\0")


def miss_wide_kernels(module: bytes) -> bytes:
    """The module of the engine, which finds no instruction set but the plain one."""
    return module + b'\n\ndef available_isas() -> list[str]:\n    return ["scalar"]\n'


def shift_scores(module: bytes) -> bytes:
    """The module of the engine, whose scores are wrong by a thousandth."""
    return module + (
        b"\n\n_call = Engine.__call__\n"
        b"Engine.__call__ = lambda self, *values: _call(self, *values) * 1.001\n"
    )


# The file, how it is broken, and what the test says.
BROKEN: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("runtime/_engine*.so", need_newer_glibc, f"version `{NEW_GLIBC.decode()}' not found"),
    ("runtime/engine.py", miss_wide_kernels, "(['scalar'], "),
    ("runtime/engine.py", shift_scores, "Not equal to tolerance"),
]


def refuses_each(folder: Path) -> None:
    """Break the installed package, one file at a time."""
    np.savez(folder / "expected.npz", **answers.expected())
    site, python, variables = install.install_here("3.11", folder / "home")
    command = [*python, *install.answers_program(SYSTEM, folder / "expected.npz")]
    subprocess.run(command, env=variables, check=True)
    for pattern, break_it, message in BROKEN:
        (file,) = (site / "signbit").glob(pattern)
        good = file.read_bytes()
        # A new file: the loader may still have the old one.
        file.unlink()
        file.write_bytes(break_it(good))
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        if done.returncode == 0 or message not in done.stderr:
            sys.exit(f"broken: {break_it.__name__} was not refused:\n{done.stdout}{done.stderr}")
        print(f"refused: {break_it.__name__}: {done.stderr.splitlines()[-1]}", flush=True)
        file.write_bytes(good)


def auditwheel_refuses(folder: Path) -> None:
    """A wheel that needs a newer glibc does not get the tag of an older one."""
    (wheel,) = install.DIST.glob(f"signbit-*-cp311-cp311-{SYSTEM.tag}.whl")
    broken = folder / wheel.name.replace(SYSTEM.tag, "linux_x86_64")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(broken, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            is_library = entry.filename.endswith(".so")
            new.writestr(entry, need_newer_glibc(content) if is_library else content)
    try:
        make_wheels.audit(broken, make_wheels.TARGETS[0], folder / "out")
    except SystemExit as refusal:
        if not re.search("needs linux_x86_64|cannot repair", str(refusal)):
            raise
        print(f"refused: need_newer_glibc: {str(refusal).splitlines()[-1]}")
    else:
        sys.exit("broken: auditwheel took a wheel for a glibc that does not exist")


def main() -> None:
    """Try all."""
    with tempfile.TemporaryDirectory() as name:
        refuses_each(Path(name))
        auditwheel_refuses(Path(name))


if __name__ == "__main__":
    main()
