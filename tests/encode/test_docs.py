"""The page about encoders runs as it stands, its C too."""

import ctypes
import doctest
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import missing

from signbit.encode import Thermometer, load_encoders
from signbit.format.bits import pack_bits

PAGE = Path(__file__).parents[2] / "docs" / "encode.md"


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    (text,) = found
    return text


def test_the_examples_give_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried > 15
    assert failed == 0


def test_the_file_on_the_page_loads(tmp_path):
    (tmp_path / "e.json").write_text(block("json"))
    assert list(load_encoders(tmp_path / "e.json")) == list(json.loads(block("json"))["encoders"])


@pytest.mark.parametrize(("features", "levels"), [(1, 1), (3, 5), (4, 8), (7, 33)])
def test_the_function_in_c_gives_the_same_bits(tmp_path, features, levels):
    compiler = shutil.which("cc") or missing("the page's C needs a compiler, cc")
    source, library = tmp_path / "t.c", tmp_path / "t.so"
    source.write_text(block("c"))
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(source), "-o", str(library)], check=True)
    run = ctypes.CDLL(str(library)).thermometer
    generator = np.random.default_rng(levels)
    encoder = Thermometer.fit(generator.normal(size=(50, features)), levels)
    table = np.ascontiguousarray(encoder.thresholds)
    # Some values lie on a threshold.
    values = np.where(generator.random((20, features)) < 0.3, table[:, 0], table[:, -1] + 0.01)
    for row in values.astype(np.float32):
        words = np.full(-(-features * levels // 64) * 2, 0xFFFFFFFF, np.uint32)
        words[-(-features * levels // 32) :] = 0
        pointers = [one.ctypes.data_as(ctypes.c_void_p) for one in (row, table, words)]
        run(pointers[0], pointers[1], features, levels, pointers[2])
        np.testing.assert_array_equal(words.view(np.uint64), pack_bits(encoder(row[None])[0]))
