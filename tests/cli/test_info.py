import json

import pytest
import torch

from signbit.cli import main


def test_info_tells_the_versions(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["info", "--json", str(tmp_path / "info.json")])
    assert stop.value.code == 0
    assert torch.__version__ in capsys.readouterr().out
    facts = json.loads((tmp_path / "info.json").read_text())
    assert facts["torch"] == torch.__version__


def test_info_tells_the_kernels_in_use(capsys, monkeypatch):
    monkeypatch.setenv("SIGNBIT_ISA", "scalar")
    with pytest.raises(SystemExit) as stop:
        main(["info"])
    assert stop.value.code == 0
    kernels = next(line for line in capsys.readouterr().out.splitlines() if "kernels" in line)
    assert kernels.split()[1] == "scalar"
