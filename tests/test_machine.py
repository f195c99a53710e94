import ctypes
import platform
import subprocess
import sys

import pytest

from signbit.machine import keep_freed_memory, multiplies_bfloat16, processor

GLIBC = platform.libc_ver()[0] == "glibc"
# The pages that the system clears while blocks of 64 MB are filled and freed, over and over.
COUNT_PAGES = """
import resource
from signbit.machine import keep_freed_memory

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        b"x" * (1 << 26)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(pages(), keep_freed_memory(), pages() and pages())
"""


def test_the_name_is_that_of_the_first_core(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: A Chip: 3 GHz\n\nmodel name\t: Another\n")
    assert processor(cpuinfo) == "A Chip: 3 GHz"


@pytest.mark.parametrize("content", [None, "", "model name\t:\n"], ids=["no file", "empty", "bare"])
def test_without_a_name_it_is_the_architecture(tmp_path, monkeypatch, content):
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert processor(tmp_path / "cpuinfo") == "aarch64"


@pytest.mark.parametrize(
    ("content", "known"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_int8\n", True),
        ("flags\t\t: fpu\nflags\t\t: fpu amx_bf16\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("model name\t: avx512_bf16\n", False),
        (None, False),
    ],
)
def test_bfloat16_is_in_the_flags_of_the_processor(tmp_path, content, known):
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    assert multiplies_bfloat16(tmp_path / "cpuinfo") is known


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told to keep memory")
def test_kept_memory_is_not_cleared_again():
    command = [sys.executable, "-c", COUNT_PAGES]
    before, kept, after = subprocess.check_output(command, text=True).split()
    assert kept == "True"
    assert int(before) > 10 * int(after)


def test_a_c_library_that_cannot_keep_memory_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_freed_memory() is False
