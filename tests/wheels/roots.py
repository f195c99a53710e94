"""How Pythons of other systems run on this machine: under qemu, and with musl's loader."""

import re
import shutil
import subprocess
from pathlib import Path

from tools import make_wheels
from tools.pythons import python_of_pypi

ROOTS = Path(__file__).resolve().parents[2] / "build" / "roots"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Debian's package g++-aarch64-linux-gnu brings these libraries of the other processor.
ARM64_ROOT = "/usr/aarch64-linux-gnu"
# Two more of them, for Python 3.11 and for NumPy, and the whole C library of musl systems. The
# Pythons of PyPI need a younger musl than that of Debian 12.
PACKAGES = [
    "libcrypt1:arm64/bookworm",
    "zlib1g:arm64/bookworm",
    "musl:amd64/trixie",
    "musl:arm64/trixie",
]


def command_for(version: str, libc: str, processor: str) -> list[str]:
    """The command that runs a Python of PyPI for another system than this machine's.

    libc: "gnu" or "musl".
    processor: "x86_64" or "aarch64".
    """
    if not (ROOTS / "complete").exists():
        _unpack_debian()
    command = [str(python_of_pypi(version, libc, processor))]
    if libc == "musl":
        folder = ROOTS / f"usr/lib/{processor}-linux-musl"
        if not (folder / "libz.so.1").exists():
            _build_zlib(folder, processor)
        command = [str(folder / "libc.so"), "--library-path", str(folder), *command]
    if processor == "aarch64":
        more = [ROOTS / "lib/aarch64-linux-gnu", ROOTS / "usr/lib/aarch64-linux-gnu"]
        path = ":".join(map(str, more)) if libc == "gnu" else ""
        variable = f"LD_LIBRARY_PATH={path}"
        command = ["qemu-aarch64", "-L", ARM64_ROOT, "-E", variable, *command]
    return command


def _build_zlib(folder: Path, processor: str) -> None:
    """Compile zlib for musl into a folder: Pythons need it, and Debian has none for musl."""
    (source,) = ROOTS.glob("zlib-*")
    library = folder / "libz.so.1"
    shared = ["-shared", "-fPIC", "-O2", "-s", "-w", "-Wl,-soname,libz.so.1"]
    defined = ["-DHAVE_UNISTD_H", "-D_LARGEFILE64_SOURCE=1"]
    target = ["-target", f"{processor}-linux-musl"]
    command = [make_wheels.zig(), "cc", *target, *shared, *defined, "-o", library]
    subprocess.run([*command, *sorted(source.glob("*.c"))], check=True)


def _unpack_debian() -> None:
    """Unpack packages of Debian, of any processor, without installing them."""
    shutil.rmtree(ROOTS, ignore_errors=True)
    apt = ROOTS / "apt"
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (apt / name).mkdir(parents=True)
    mirror = _mirror()
    suites = [f"deb [signed-by={KEYRING}] {mirror} {suite} main" for suite in _suites()]
    suites += [f"deb-src [signed-by={KEYRING}] {mirror} bookworm main"]
    (apt / "sources.list").write_text("\n".join(suites) + "\n")
    settings = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "root",
    }
    options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
    for architecture in ("amd64", "arm64"):
        options += ["-o", f"APT::Architectures::={architecture}"]
    subprocess.run(["apt-get", "-qq", *options, "update"], check=True)
    subprocess.run(
        ["apt-get", "-qq", *options, "download", *PACKAGES], check=True, cwd=apt / "packages"
    )
    for package in (apt / "packages").iterdir():
        subprocess.run(["dpkg-deb", "--extract", package, ROOTS], check=True)
    source = ["source", "--download-only", "zlib"]
    subprocess.run(["apt-get", "-qq", *options, *source], check=True, cwd=apt)
    (archive,) = apt.glob("zlib_*.orig.tar.*")
    shutil.unpack_archive(archive, ROOTS, filter="data")
    shutil.rmtree(apt)
    (ROOTS / "complete").touch()


def _suites() -> list[str]:
    return sorted({package.partition("/")[2] for package in PACKAGES})


def _mirror() -> str:
    """Where this Debian takes its packages from."""
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    mirrors = [line.split()[1] for line in lines if re.fullmatch(r"bookworm .*/debian/?", line)]
    if not mirrors:
        raise SystemExit("wheels of other systems are tested on Debian 12; this is another system")
    return mirrors[0]
