"""The environment of a run: versions, machine, state of the git checkout."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import signbit
from signbit.machine import processor
from signbit.ranks import ranks_here

_PACKAGES = ("torch", "lightning", "numpy", "safetensors")


def environment(device: str) -> dict[str, Any]:
    """Versions, device, number of processes, and the commit of the current folder."""
    return {
        "signbit": signbit.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if device == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "processes": ranks_here().count,
        "packages": {name: version(name) for name in _PACKAGES},
        "git": _git_state(Path.cwd()),
    }


def _git_state(folder: Path) -> dict[str, Any] | None:
    """The commit, and whether tracked files differ from it; None outside a checkout."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "modified": bool(_git(folder, "status", "--porcelain", "-uno"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None
