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
