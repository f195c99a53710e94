"""The machine that the package runs on."""

import ctypes
import os
import platform
import sys
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# The instructions of x86 that multiply numbers of bfloat16.
_OF_BFLOAT16 = {"avx512_bf16", "amx_bf16"}
# The parameters of mallopt, from glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def processor(cpuinfo: Path = _CPUINFO) -> str:
    """The name of the processor, as its maker writes it; its architecture if it has no name."""
    names = _values("model name", cpuinfo)
    return next(filter(None, [*names, platform.processor(), platform.machine()]), "unknown")


def multiplies_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor is an x86 that has instructions for products of bfloat16.

    Known on Linux only; False elsewhere.
    """
    return any(_OF_BFLOAT16 & set(flags.split()) for flags in _values("flags", cpuinfo))


def _values(key: str, cpuinfo: Path) -> list[str]:
    """What the file says about each core under that key."""
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(key)]


def usable_cores() -> int:
    """How many cores this process may use; on systems that cannot say, all of the machine."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees; returns whether its C library can.

    Otherwise glibc returns a large tensor to the system when it is freed. The system then clears
    every page of it again for the next tensor, which takes longer than most operations on it. A
    process that keeps its memory holds as much as it has used at its peak.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))
