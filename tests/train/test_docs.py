"""The page on modules of one's own names every loss and metric, and its examples run."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.user_modules import forgotten_imports
from torch import nn

import signbit
from signbit.cli import main
from signbit.errors import UsageError
from signbit.train import load_recipe, train
from signbit.train._own_objective import loss_of
from signbit.train.losses import losses
from signbit.train.metrics import metrics

PAGE = (Path(__file__).parents[2] / "docs" / "training-own.md").read_text("utf-8")


@pytest.mark.parametrize("name", [*losses.names(), *metrics.names()])
def test_every_loss_and_metric_has_a_row(name):
    first_cells = re.findall(r"^\| ([^|]*) \|", PAGE, re.M)
    assert any(f"`{name}`" in cell for cell in first_cells)


def test_the_example_of_ones_own_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    example, signature, command = (
        re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.M | re.S)[0]
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


def test_the_example_of_a_loss_and_a_metric_by_name(tmp_path):
    section = PAGE[PAGE.index("can also have a name") :]
    (example,) = re.findall(r"^```python\n(.*?)^```$", section, re.M | re.S)[:1]
    data = np.eye(3, dtype=np.float32).repeat(20, 0), np.arange(3).repeat(20)
    recipe = load_recipe("plain", {"epochs": 1, "batch_size": 10})
    with forgotten_imports():
        exec(example, {"__name__": "their_module"})
        found = train(
            nn.Linear(3, 3), data, recipe=recipe, out=tmp_path, loss="hinge", metrics="macro_f1"
        )
    assert 0 <= found["val_macro_f1"] <= 1


def test_a_function_is_no_loss_by_name():
    with forgotten_imports():
        losses.register("bare")(lambda outputs, targets: outputs.mean())
        with pytest.raises(UsageError, match=r"'bare' is registered, but it is not a subclass"):
            loss_of("bare", load_recipe("plain"))
