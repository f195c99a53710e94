"""Install the wheels of dist/ where no compiler is found, and run the engine there.

    python -m tests.wheels.install [NAME ...]

NAME is a system, such as `x86_64`, or a system and a Python, such as `arm64-3.12`; all without
names. On x86_64 with glibc, pip of each Python installs the wheel into an environment of its own.
The Pythons of other systems run under qemu or with musl's loader, and uv installs for them: it
chooses a wheel by its tag, as pip does on such machines. Run `make wheels` first.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from signbit.runtime.engine import available_isas
from tests.wheels import answers, roots
from tools.pythons import find_python

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGE = f"signbit=={PROJECT['version']}"
UV = Path(sys.executable).with_name("uv")
VERSIONS = ("3.11", "3.12", "3.13")
# Of Python's own pip and of uv.
FROM_DIST = ["--no-deps", "--no-index", "--find-links", DIST, "--only-binary", ":all:"]


@dataclass(frozen=True)
class System:
    """A system that wheels are for."""

    name: str
    libc: str
    processor: str
    tag: str
    uv_platform: str

    @property
    def is_ours(self) -> bool:
        """Whether this machine runs its Pythons as they are."""
        return (self.libc, self.processor) == ("gnu", "x86_64")

    @property
    def isas(self) -> list[str]:
        """The instruction sets that the engine must find there, the fastest first."""
        return available_isas() if self.processor == "x86_64" else ["neon", "scalar"]


SYSTEMS = [
    System("x86_64", "gnu", "x86_64", "manylinux_2_28_x86_64", "x86_64-manylinux_2_28"),
    System("arm64", "gnu", "aarch64", "manylinux_2_28_aarch64", "aarch64-manylinux_2_28"),
    System("musl-x86_64", "musl", "x86_64", "musllinux_1_2_x86_64", "x86_64-unknown-linux-musl"),
    System("musl-arm64", "musl", "aarch64", "musllinux_1_2_aarch64", "aarch64-unknown-linux-musl"),
]
CASES = {
    f"{system.name}-{version}": (system, version) for system in SYSTEMS for version in VERSIONS
}


def try_wheel(system: System, version: str, folder: Path) -> None:
    """Install and run the wheel of a Python on a system."""
    if system.is_ours:
        site, command, variables = install_here(version, folder / f"{system.name}-{version}")
    else:
        site = folder / f"{system.name}-{version}"
        install_for(system, version, site)
        command = roots.command_for(version, system.libc, system.processor)
        variables = {"PYTHONPATH": str(site)}
    python_tag = "cp311-cp311" if version == "3.11" else "cp312-abi3"
    require_tag(site, f"{python_tag}-{system.tag}")
    print(f"{python_tag}-{system.tag}: ", end="", flush=True)
    program = answers_program(system, folder / "expected.npz")
    subprocess.run([*command, *program], env=variables, check=True)


def answers_program(system: System, expected: Path) -> list[str | Path]:
    """The program that judges the installed package, with its arguments."""
    # The mathematical library of another system rounds some numbers in another way.
    same = "to-the-last-bit" if system.is_ours else "nearly"
    return [answers.__file__, expected, ",".join(system.isas), same]


def install_here(version: str, home: Path) -> tuple[Path, list[str | Path], dict[str, str]]:
    """Install into an environment of this machine: its packages, command and variables."""
    subprocess.run([find_python(version), "-m", "venv", home], check=True)
    install_dependencies("--python", home / "bin/python")
    variables = {"PATH": str(home / "bin")}  # no compiler is found
    pip = [home / "bin/pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *FROM_DIST, PACKAGE], env=variables, check=True)
    info = [home / "bin/signbit", "info"]
    subprocess.run(info, env=variables, check=True, stdout=subprocess.DEVNULL)
    site = home / "lib" / f"python{version}" / "site-packages"
    return site, [home / "bin/python", "-I"], variables


def install_for(system: System, version: str, site: Path) -> None:
    """Install into a folder for a Python of another system."""
    where = ["--target", site, "--python-platform", system.uv_platform, "--python-version", version]
    install_dependencies(*where)
    subprocess.run([UV, "pip", "install", "--quiet", *where, *FROM_DIST, PACKAGE], check=True)


def install_dependencies(*where: str | Path) -> None:
    """Install what the package depends on, pinned."""
    pinned = ["--only-binary", ":all:", "--constraints", ROOT / "constraints.txt"]
    command = [UV, "pip", "install", "--quiet", *where, *pinned, *PROJECT["dependencies"]]
    subprocess.run(command, check=True)


def require_tag(site: Path, tag: str) -> None:
    """Require that this wheel was installed, and no other."""
    (information,) = site.glob("signbit-*.dist-info")
    tags = (information / "WHEEL").read_text()
    if f"Tag: {tag}\n" not in tags:
        sys.exit(f"wheels: expected {tag}, but another was installed:\n{tags}")


def chosen(names: Sequence[str]) -> list[tuple[System, str]]:
    """The cases that are named. Raises: SystemExit for a name that means none."""
    cases = {}
    for name in names:
        found = {key: case for key, case in CASES.items() if name in (key, case[0].name)}
        if not found:
            sys.exit(f"wheels: no case is called {name!r}; known: {', '.join(CASES)}")
        cases |= found
    return list((cases or CASES).values())


def main() -> None:
    """Try all wheels, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    cases = chosen(parser.parse_args().names)
    with tempfile.TemporaryDirectory() as name:
        np.savez(Path(name) / "expected.npz", **answers.expected())
        for system, version in cases:
            try_wheel(system, version, Path(name))


if __name__ == "__main__":
    main()
