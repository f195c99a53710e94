"""Versions and machine, for a bug report."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from signbit import __version__
from signbit.cli._app import commands
from signbit.cli._examples import examples
from signbit.cli._options import Json
from signbit.cli._output import print_table, write_json
from signbit.machine import processor

_PACKAGES = ("numpy", "pillow", "torch", "lightning", "safetensors", "scipy")


@commands.register("info")
@examples(
    "signbit info",
    "signbit info --json machine.json",
)
def info(json_file: Json = None) -> None:
    """Print versions, the processor and the engine's kernels, for a bug report."""
    facts = {
        "signbit": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "kernels": _kernels(),
    }
    facts |= {name: _installed(name) for name in _PACKAGES}
    print_table(("what", "value"), list(facts.items()), left=2)
    write_json(json_file, facts)


def _kernels() -> str:
    """The instruction set in use, and the others that this processor can run."""
    from signbit.runtime.engine import available_isas, chosen_isa

    known = available_isas()
    used = chosen_isa(None) or known[0]
    others = [isa for isa in known if isa != used]
    return f"{used} (also: {', '.join(others)})" if others else used


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
