"""The Verilog of an export: written and simulated."""

from pathlib import Path

import numpy as np
from helpers.tools import run

from signbit.export import export, make_request
from signbit.format import PackedModel


def request_for(model: PackedModel, name: str, images: int = 2):
    size = (images, *model.preprocessing.size, model.preprocessing.channels)
    return make_request(model, name, np.random.default_rng(1).integers(0, 256, size, np.uint8))


def written(folder: Path, model: PackedModel, parallel: int, images: int = 2, name: str = "net"):
    export(request_for(model, name, images), "verilog", folder, options={"parallel": parallel})
    return folder


def simulate(iverilog: str, folder: Path, *arguments: str, name: str = "net") -> str:
    """What the test bench says, its last line first."""
    program = folder.parent / f"{folder.name}.vvp"
    sources = sorted(path.name for path in folder.glob("signbit_*.v"))
    command = (iverilog, "-g2005", "-Wall", "-o", program, f"{name}_tb.v", f"{name}.v", *sources)
    assert run(*command, folder=folder) == ""
    lines = run("vvp", "-n", program, *arguments, folder=folder).splitlines()
    return "\n".join(reversed(lines))
