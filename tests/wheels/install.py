"""Install each wheel of dist/ into an environment without a compiler, and run the engine there.

    python -m tests.wheels.install [NAME ...]     x86_64, arm64, musl; all without names

x86_64 runs on this machine's Pythons, by their own pip. 64-bit ARM runs under qemu, and musl with
its own loader, on Pythons of Debian and PyPI in build/roots; uv chooses their wheels by tag, as pip
does on such machines. Run `make wheels` first.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signbit.runtime.engine import available_isas
from tests.wheels import answers, roots
from tools.pythons import find_python

ROOT = Path(__file__).resolve().parents[2]

DIST, ROOTS = ROOT / "dist", ROOT / "build" / "roots"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGE = f"signbit=={PROJECT['version']}"
UV = Path(sys.executable).with_name("uv")


def wheel_for(version: str) -> str:
    """The tag of the wheel that a Python takes, without the platform."""
    return "cp311-cp311" if version == "3.11" else "cp312-abi3"


def install_dependencies(*where: str | Path) -> None:
    """Install what the package depends on, pinned."""
    pinned = ["--only-binary", ":all:", "--constraints", ROOT / "constraints.txt"]
    command = [UV, "pip", "install", "--quiet", *where, *pinned, *PROJECT["dependencies"]]
    subprocess.run(command, check=True)


def run(
    folder: Path, site: Path, tag: str, command: Sequence[str | Path], **variables: str
) -> None:
    """Run the package in the folder `site`, of this wheel and no other, with these variables."""
    (information,) = site.glob("signbit-*.dist-info")
    tags = (information / "WHEEL").read_text()
    if f"Tag: {tag}\n" not in tags:
        sys.exit(f"wheels: expected {tag}, but another was installed:\n{tags}")
    print(f"{tag}: ", end="", flush=True)
    expected = folder / "expected.npz"
    isas = ["neon", "scalar"] if "aarch64" in tag else available_isas()
    subprocess.run(
        [*command, answers.__file__, expected, ",".join(isas)], env=variables, check=True
    )


def try_x86_64(folder: Path) -> None:
    """Into an environment of each of this machine's Pythons, by its pip."""
    for version in ("3.11", "3.12", "3.13"):
        home = folder / f"x86_64-{version}"
        subprocess.run([find_python(version), "-m", "venv", home], check=True)
        install_dependencies("--python", home / "bin/python")
        pip = [home / "bin/pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]
        alone = ["--no-index", "--find-links", DIST, "--only-binary", ":all:"]
        path = str(home / "bin")  # no compiler is found
        subprocess.run([*pip, *alone, PACKAGE], env={"PATH": path}, check=True)
        site = home / "lib" / f"python{version}" / "site-packages"
        tag = f"{wheel_for(version)}-manylinux_2_28_x86_64"
        run(folder, site, tag, [home / "bin/python", "-I"], PATH=path)
        subprocess.run(
            [home / "bin/signbit", "info"],
            env={"PATH": path},
            check=True,
            stdout=subprocess.DEVNULL,
        )


def try_elsewhere(folder: Path, pythons: dict[str, list[str]], uv_platform: str, tag: str) -> None:
    """Into a folder for each Python of another system."""
    for version, command in pythons.items():
        site = folder / f"{uv_platform}-{version}"
        where = ["--target", site, "--python-platform", uv_platform, "--python-version", version]
        install_dependencies(*where)
        alone = ["--no-deps", "--no-index", "--find-links", DIST, "--only-binary", ":all:"]
        subprocess.run([UV, "pip", "install", "--quiet", *where, *alone, PACKAGE], check=True)
        run(folder, site, f"{wheel_for(version)}-{tag}", command, PYTHONPATH=str(site))


def try_arm64(folder: Path) -> None:
    """64-bit ARM under qemu."""
    pythons = roots.arm64(ROOTS)
    try_elsewhere(folder, pythons, "aarch64-manylinux_2_28", "manylinux_2_28_aarch64")


def try_musl(folder: Path) -> None:
    """Musl on x86_64."""
    pythons = roots.musl(ROOTS)
    try_elsewhere(folder, pythons, "x86_64-unknown-linux-musl", "musllinux_1_2_x86_64")


SYSTEMS = {"x86_64": try_x86_64, "arm64": try_arm64, "musl": try_musl}


def main() -> None:
    """Try the wheels of all systems, or of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", choices=list(SYSTEMS), default=list(SYSTEMS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected: dict[str, Any] = answers.expected()
        np.savez(folder / "expected.npz", **expected)
        for system in options.systems:
            SYSTEMS[system](folder)


if __name__ == "__main__":
    main()
