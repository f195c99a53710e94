"""The C of an export: written, compiled, run on an emulated board."""

import shutil
from pathlib import Path

from conftest import missing  # pyright: ignore[reportAttributeAccessIssue] # finds export/conftest.py
from helpers.tools import run

from signbit.export import export, make_request
from signbit.format import PackedModel

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion"]
STRICT += ["-Wshadow", "-Werror"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
BOARD = Path(__file__).parents[1] / "export" / "cortex_m"


def tool(name: str, package: str) -> str:
    return shutil.which(name) or missing(f"needs {name}: apt-get install {package}")


def written(folder: Path, model: PackedModel, name: str = "net") -> Path:
    export(make_request(model, name), "c", folder)
    return folder


def build(folder: Path, compiler: str, *flags: object, name: str = "net") -> str:
    """Compile the test program; returns its path."""
    assert (
        run(compiler, *STRICT, *flags, f"{name}_test.c", "-o", "program", "-lm", folder=folder)
        == ""
    )
    return str(folder / "program")


def cortex_m(folder: Path, name: str = "net") -> str:
    """Compile for a Cortex-M3 and run on an emulated board."""
    compiler = tool("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
    flags = ["-Os", "-mcpu=cortex-m3", "-mthumb", "--specs=rdimon.specs"]
    program = build(
        folder, compiler, *flags, "-T", BOARD / "mps2.ld", BOARD / "startup.c", name=name
    )
    qemu = tool("qemu-system-arm", "qemu-system-arm")
    board = ["-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial", "none"]
    return run(qemu, *board, "-semihosting", "-kernel", program, folder=folder)
