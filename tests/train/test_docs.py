"""The page on training names every loss and metric, and its example of one's own runs."""

import re
from pathlib import Path

import pytest
import torch

import signbit
from signbit.cli import main
from signbit.train.losses import losses
from signbit.train.metrics import metrics

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text("utf-8")


@pytest.mark.parametrize("name", [*losses.names(), *metrics.names()])
def test_every_loss_and_metric_has_a_row(name):
    first_cells = re.findall(r"^\| ([^|]*) \|", PAGE, re.M)
    assert any(f"`{name}`" in cell for cell in first_cells)


def test_the_example_of_ones_own_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    section = PAGE[PAGE.index("## Training of your own") :]
    names: dict = {}
    example, signature, command = (
        re.findall(rf"^```{kind}\n(.*?)^```$", section, re.M | re.S)[0]
        for kind in ("python", "yaml", "sh")
    )
    exec(example, names)
    assert 0 <= names["metrics"]["val_accuracy"] <= 1
    inputs = torch.from_numpy(names["inputs"]).float()
    assert torch.equal(names["module"](inputs), names["again"](inputs))
    Path("network.py").write_text(example.partition("\ninputs =")[0])
    Path("network.yaml").write_text(signature)
    with pytest.raises(SystemExit) as end:
        main(command.split()[1:])
    assert end.value.code == 0, capsys.readouterr().err
    classes = names["module"](inputs).argmax(1)
    assert signbit.load("mine.signbit").run({"x": inputs.numpy()})["level"].argmax(1).tolist() == (
        classes.tolist()
    )
