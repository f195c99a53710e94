"""Fixtures that tests of several packages share."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = "cifar-10-batches-bin"
UNPACK = Path(__file__).resolve().parents[2] / "shared" / "tools" / "unpack_cifar10.py"


def missing(reason: str) -> NoReturn:
    """Skip the test; under CI, which must run everything, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (CI skips nothing)")
    pytest.skip(reason)


# nohup and some runners of jobs have it ignored, which processes inherit; tests send it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def octave() -> str:
    """The path of GNU Octave; `missing` where there is none."""
    return shutil.which("octave") or missing("needs GNU Octave: apt-get install octave")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; `missing` where there is none."""
    return shutil.which("chromium") or missing("needs Chromium: apt-get install chromium")


@pytest.fixture(scope="session")
def iverilog() -> str:
    """The path of Icarus Verilog; `missing` where there is none."""
    return shutil.which("iverilog") or missing("needs Icarus Verilog: apt-get install iverilog")


@pytest.fixture(scope="session")
def verilator() -> str:
    """The path of Verilator; `missing` where there is none."""
    return shutil.which("verilator") or missing("needs Verilator: apt-get install verilator")


@pytest.fixture(scope="session")
def yosys() -> str:
    """The path of Yosys; `missing` where there is none."""
    return shutil.which("yosys") or missing("needs Yosys: apt-get install yosys")


@pytest.fixture(scope="session")
def cifar10_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the real CIFAR-10; `missing` where there is none.

    Taken from SIGNBIT_DATA, else unpacked once for all xdist workers from `../shared`.
    """
    given = os.environ.get("SIGNBIT_DATA")
    if given and (Path(given) / FOLDER).is_dir():
        return Path(given).resolve()
    if not UNPACK.is_file():
        missing(f"needs CIFAR-10: set SIGNBIT_DATA to a folder that holds {FOLDER}")
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with (base / "cifar10.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done, place = base / "cifar10.done", base / "cifar10"
        if not done.exists():
            command = [sys.executable, str(UNPACK), str(place)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            done.touch()
    return place
