import platform

import pytest

from signbit.machine import processor


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
