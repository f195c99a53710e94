"""Make the sdist and the wheels for Linux in dist/, on one machine, with zig's C++ compiler.

    python -m tools.make_wheels [TAG ...]

TAG is a wheel, such as `cp312-abi3-musllinux_1_2_x86_64`, or its last part; all without tags. Each
wheel is built from the sdist, and checked by auditwheel (symbols, libraries, tag), by abi3audit
(stable ABI) and for its size. Python's headers are the same for all 64-bit Linux, so those of this
machine serve every target.
"""

import argparse
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.pythons import find_python

ROOT = Path(__file__).resolve().parents[1]
BUILD, DIST = ROOT / "build" / "wheels", ROOT / "dist"
BIN = Path(sys.executable).parent
# Beside the trained networks of the zoo.
MOST_BYTES = 1_500_000
# With the zoo, tests and pictures. More means that a file is in the tree by mistake.
MOST_SDIST_BYTES = 5_000_000
# The oldest Python of each wheel. The stable ABI that nanobind uses begins with 3.12.
TAGS = {"3.11": "cp311-cp311", "3.12": "cp312-abi3"}


@dataclass(frozen=True)
class Target:
    """A system that wheels are for."""

    zig: str
    platform: str  # of the wheel's tag
    libc: str  # in the names of extension modules

    @property
    def processor(self) -> str:
        """Of its programs, as in the names of extension modules."""
        return self.zig.partition("-")[0]


TARGETS = [
    Target("x86_64-linux-gnu.2.28", "manylinux_2_28_x86_64", "gnu"),
    Target("aarch64-linux-gnu.2.28", "manylinux_2_28_aarch64", "gnu"),
    Target("x86_64-linux-musl", "musllinux_1_2_x86_64", "musl"),
    Target("aarch64-linux-musl", "musllinux_1_2_aarch64", "musl"),
]


def run(*command: str | Path, **variables: str) -> None:
    """Run a command; its output is shown only where it fails."""
    # auditwheel looks for patchelf on the path.
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nmake_wheels: failed: {' '.join(map(str, command))}")


def zig() -> Path:
    """The program of zig."""
    package = importlib.util.find_spec("ziglang")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("zig")


def make_sdist() -> Path:
    """Build the sdist; returns the folder where it lies unpacked.

    Its name is the same for each version: zig keeps what it compiled by path and content.
    """
    run(BIN / "uv", "build", "--sdist", "--out-dir", DIST, "--build-constraints",
        ROOT / "constraints.txt", ROOT)  # fmt: skip
    (sdist,) = DIST.glob("signbit-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(BUILD, filter="data")
    (BUILD / sdist.name.removesuffix(".tar.gz")).rename(BUILD / "source")
    size = sdist.stat().st_size
    print(f"{sdist.name}: {size:,} bytes")
    if size > MOST_SDIST_BYTES:
        sys.exit(f"make_wheels: {sdist.name} has {size:,} bytes, above {MOST_SDIST_BYTES:,}")
    return BUILD / "source"


def make_wheel(source: Path, target: Target, version: str) -> Path:
    """Build one wheel; returns it with the tag of its target, after auditwheel agreed."""
    name = f"{TAGS[version]}-{target.platform}"
    raw = BUILD / "raw" / name
    digits = version.replace(".", "")
    run(BIN / "uv", "build", "--wheel", "--python", find_python(version), "--out-dir", raw,
        "--build-constraints", source / "constraints.txt",
        "-C", f"build-dir={BUILD / name}", "-C", "install.strip=false", source,
        CMAKE_TOOLCHAIN_FILE=str(source / "tools" / "zig.cmake"),
        ZIG=str(zig()),
        ZIG_TARGET=target.zig,
        SETUPTOOLS_EXT_SUFFIX=f".cpython-{digits}-{target.processor}-linux-{target.libc}.so",
    )  # fmt: skip
    (wheel,) = raw.glob("*.whl")
    # Nothing else shows auditwheel that a module with the stable ABI is for musl.
    tag = target.platform if target.libc == "musl" else f"linux_{target.processor}"
    run(BIN / "wheel", "tags", "--remove", "--platform-tag", tag, wheel)
    (wheel,) = raw.glob("*.whl")
    audit(wheel, target, DIST)
    (wheel,) = DIST.glob(f"*-{name}.whl")
    return wheel


def audit(wheel: Path, target: Target, out: Path) -> None:
    """Write the wheel with the tag of its target to `out`.

    auditwheel finds the oldest systems that have all that the wheel needs. It cannot be asked for
    a system of another processor or C library than this machine's.

    Raises: SystemExit where the wheel needs more than systems of its target have.
    """
    with tempfile.TemporaryDirectory() as folder:
        repair = ["repair", "--plat", "auto", "--only-plat", "-w", folder]
        # zig's name for the C library of musl; its loader gives itself to whoever asks for it.
        allowed = ["--exclude", "libc.so"] if target.libc == "musl" else []
        run(BIN / "auditwheel", *repair, *allowed, wheel)
        (audited,) = Path(folder).glob("*.whl")
        needs = audited.stem.rpartition("-")[2]
        if not any(is_older(tag, target.platform) for tag in needs.split(".")):
            sys.exit(f"make_wheels: {wheel.name} needs {needs}, but is for {target.platform}")
        platform_tag = ["--remove", "--platform-tag", target.platform]
        run(BIN / "wheel", "tags", *platform_tag, audited)
        (named,) = Path(folder).glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        shutil.move(named, out / named.name)


def is_older(tag: str, target: str) -> bool:
    """Whether systems of the tag `target` have all that those of `tag` have."""
    pattern = re.compile(r"(\w+?)_(\d+)_(\d+)_(\w+)")
    found, wanted = pattern.fullmatch(tag), pattern.fullmatch(target)
    if found is None or wanted is None:
        return False
    libc, *version, processor = found.groups()
    its_libc, *its_version, its_processor = wanted.groups()
    same = (libc, processor) == (its_libc, its_processor)
    return same and [int(part) for part in version] <= [int(part) for part in its_version]


def check(wheel: Path, target: Target, version: str) -> None:
    """Check what auditwheel does not: size, the module's name, and that only libc is needed."""
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
    size = sum(
        e.compress_size for e in entries if not e.filename.startswith("signbit/zoo/networks/")
    )
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, beside the zoo {size:,}")
    if size > MOST_BYTES:
        sys.exit(f"make_wheels: {wheel.name}: {size:,} bytes beside the zoo, above {MOST_BYTES:,}")
    ending = {"3.11": f".cpython-311-{target.processor}-linux-{target.libc}.so"}
    wanted = f"signbit/runtime/_engine{ending.get(version, '.abi3.so')}"
    libraries = [e.filename for e in entries if ".so" in e.filename]
    if libraries != [wanted]:
        sys.exit(f"make_wheels: {wheel.name}: has the libraries {libraries}, not only {wanted}")
    if version != "3.11":
        run(BIN / "abi3audit", "--strict", wheel)


def chosen(tags: Sequence[str]) -> list[tuple[Target, str]]:
    """Target and Python of the wheels that are named. Raises: SystemExit for an unknown tag."""
    wheels = {f"{tag}-{one.platform}": (one, old) for one in TARGETS for old, tag in TAGS.items()}
    named = {}
    for tag in tags:
        found = {name: wheel for name, wheel in wheels.items() if tag in (name, wheel[0].platform)}
        if not found:
            sys.exit(f"make_wheels: no wheel is called {tag!r}; known: {', '.join(wheels)}")
        named |= found
    return list((named or wheels).values())


def main() -> None:
    """Make all wheels, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tags", nargs="*", metavar="TAG")
    wheels = chosen(parser.parse_args().tags)
    if platform.system() != "Linux":
        sys.exit("make_wheels: works on Linux; elsewhere .github/workflows/wheels.yml makes wheels")
    # The files of an sdist have a fixed date, so ninja would not see that they are others; zig
    # keeps what it compiled by content.
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.rmtree(DIST, ignore_errors=True)
    source = make_sdist()
    for target, version in wheels:
        check(make_wheel(source, target, version), target, version)


if __name__ == "__main__":
    main()
