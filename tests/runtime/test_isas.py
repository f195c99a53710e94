"""The choice of instruction set on older processors, which qemu stands in for."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or shutil.which("qemu-x86_64") is None,
    reason="needs an x86 machine with Debian's qemu-user",
)


@pytest.fixture(autouse=True)
def _forced_blas(monkeypatch):
    """As on some newer machines: NumPy's OpenBLAS would take kernels that an older one lacks."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")


def on_processor(name: str, code: str) -> str:
    command = ["qemu-x86_64", "-cpu", name, sys.executable, "-c", code]
    chosen_here = ("OPENBLAS_", "SIGNBIT_ISA")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(chosen_here)
    }
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return ran.stdout.strip()


@pytest.mark.parametrize(
    ("processor", "isas"), [("Nehalem", "['scalar']"), ("Haswell", "['avx2', 'scalar']")]
)
def test_the_isas_of_a_processor(processor, isas):
    code = "from signbit.runtime.engine import available_isas as isas; print(isas())"
    assert on_processor(processor, code) == isas


@pytest.mark.parametrize("processor", ["Nehalem", "Haswell"])
def test_scores_on_an_older_processor(processor):
    golden = next(Path(__file__).parents[1].glob("format/**/small.signbit"))
    code = f"""
import numpy as np, signbit
from signbit.format import PackedModel
from signbit.runtime import reference
model = PackedModel.load({str(golden)!r})
size = (*model.preprocessing.size, model.preprocessing.channels)
images = np.random.default_rng(3).integers(0, 256, (2, *size)).astype(np.uint8)
print((signbit.load({str(golden)!r})(images) == reference.scores(model, images)).all())
"""
    assert on_processor(processor, code) == "True"
