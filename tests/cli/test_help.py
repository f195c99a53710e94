"""The help: what a newcomer needs first, and examples that work as they stand."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.bnn_pynq import TINY, TINY_YAML, write_folder
from PIL import Image

from signbit.cli import main
from signbit.cli._app import commands
from signbit.cli._examples import examples_of
from signbit.importers.bnn_pynq._layers import read_layers
from signbit.yaml_file import dump_yaml

COMMANDS = commands.names()
TFLITE = Path(__file__).parents[1] / "importers" / "data" / "lce" / "chain_norm_pool.tflite"
NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Hardtanh(), nn.Flatten(), nn.Linear(144, 10)
        )
"""
TRAIN = "signbit train --model digits_binary --data digits --recipe digits --epochs 1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the examples name."""
    place = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        run(f"{TRAIN} --out runs/digits")
        run("signbit pack runs/digits -o digits.signbit")
    (place / "pictures").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(256, size=(8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"pictures/{number}.png")
    write_folder(place / "memories", TINY)
    write_folder(place / "mnist-lfcW1A1", read_layers(place, "lfc"), last_has_thresholds=True)
    (place / "layers.yaml").write_text(dump_yaml(TINY_YAML))
    shutil.copy(TFLITE, place / "network.tflite")
    (place / "net.py").write_text(NETWORK)
    code: dict = {}
    exec(NETWORK, code)
    torch.save(code["Net"]().state_dict(), place / "net.pth")
    return place


def run(line):
    words = shlex.split(line)
    assert words[0] == "signbit"
    with pytest.raises(SystemExit) as stop:
        main(words[1:])
    assert stop.value.code == 0, line


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_two_examples_in_its_help(name, capsys):
    lines = examples_of(commands.get(name))
    assert len(lines) == 2
    assert all(line.split()[:2] == ["signbit", name] for line in lines)
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[-2:]] == list(lines)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "quickstart"])
def test_the_examples_work(folder, name, monkeypatch):
    monkeypatch.chdir(folder)
    for line in examples_of(commands.get(name)):
        run(line)


def test_five_commands_come_first(capsys):
    with pytest.raises(SystemExit):
        main([])
    printed = "".join(capsys.readouterr())
    first, others = printed[printed.index("Begin with:") :].split("Other commands:")
    listed = [re.findall(r"^  (\w+) ", part, re.M) for part in (first, others)]
    assert listed[0] == ["quickstart", "train", "pack", "evaluate", "predict"]
    assert sorted(listed[0] + listed[1]) == COMMANDS
