import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from helpers.files import ends
from torch import nn

from signbit import zoo
from signbit.format import Input, PackedModel
from signbit.layers import BinaryLinear
from signbit.pack import OutputSpec, pack
from signbit.runtime.engine import Engine


def test_architecture_alone_is_summarized_in_80_columns(signbit, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    arguments = ("summary", "--model", "vgg_cifar10_binary", "--json", tmp_path / "s.json")
    out, err = signbit(*arguments)
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    lines = [line for line in out.splitlines() if line.startswith(" features.17 ")]
    assert " ".join(lines[0].split()[1:]) == "BinaryConv2d 512x8x8 2.36M 512 151M - 297k"
    result = json.loads((tmp_path / "s.json").read_text())
    totals = result["totals"]
    assert totals["binary_macs"] + totals["real_macs"] == 607_600_640
    assert result["input"] == [3, 32, 32]
    assert result["layers"][0]["path"] == "features.0"


def test_options_of_the_architecture_count(signbit):
    out, _ = signbit("summary", "--model", "digits_binary", "--set", "model.input_size=[16,16]")
    assert "32x16x16" in out


def test_run_folder_and_checkpoint_are_summarized(signbit, checkpoint):
    folder, _ = signbit("summary", checkpoint.parent)
    file, _ = signbit("summary", checkpoint)
    assert folder.splitlines()[:-2] == file.splitlines()[:-2]
    assert "4x8x8" in folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give a run folder, a checkpoint, or --model NAME"),
        (["--model", "vgg_cifar10"], "Did you mean 'vgg_cifar10_binary'"),
        (["--model", "mlp_binary", "--set", "model.input_size=28"], "input_size is 28"),
        (["--model", "mlp_binary", "--set", "model.width=28"], "unknown option"),
    ],
)
def test_mistake_is_one_line(signbit, arguments, says):
    signbit.refused("summary", *arguments, code=2, says=says)


@pytest.mark.parametrize("name", zoo.names())
def test_the_page_tells_packed_bytes_from_the_size_of_a_file(signbit, name, tmp_path):
    card, content = zoo.card(name), zoo.read(name)
    options = card.model["options"].items()
    settings = [word for key, value in options for word in ("--set", f"model.{key}={value}")]
    model = card.model["name"]
    out, _ = signbit("summary", "--model", model, *settings, "--json", tmp_path / "s.json")
    packed = json.loads((tmp_path / "s.json").read_text())["totals"]["packed_bytes"]
    assert f": {packed:,} bytes packed, " in out
    nodes = PackedModel.load(content).nodes
    tensors = sum(tensor.nbytes for node in nodes for tensor in node.tensors.values())
    figures = (packed, tensors, len(content) - tensors, len(content))
    row = f"| `{name}` | {' | '.join(f'{figure:,}' for figure in figures)} |"
    assert row in (Path(__file__).parents[2] / "docs" / "models.md").read_text()


def test_a_packed_network_says_what_it_takes_gives_and_computes(signbit, tmp_path):
    path, result = tmp_path / "net.signbit", tmp_path / "s.json"
    ends().save(path)
    model = PackedModel.load(path)
    out, err = signbit("summary", path, "--json", result)
    assert err == ""
    for number, one in enumerate(model.inputs):
        assert f"input {one}, value {number}\n" in out
    for one in model.outputs:
        assert f"output {one.name} ({one.kind}, " in out
    found = json.loads(result.read_text())
    assert [row["operation"] for row in found["nodes"]] == [node.op for node in model.nodes]
    assert [row["value"] for row in found["nodes"]] == [number for number, _ in model.numbered()]
    assert found["outputs"] == [one.to_dict() for one in model.outputs]
    tensors = sum(tensor.nbytes for node in model.nodes for tensor in node.tensors.values())
    assert sum(row["bytes"] for row in found["nodes"]) == tensors
    assert f"net.signbit: {path.stat().st_size:,} bytes; {tensors:,} of them are weights" in out


def test_nodes_of_a_packed_network_have_the_names_that_features_takes(signbit, tmp_path):
    layers = [BinaryLinear(6, 4, input_quantizer=None, bias=False), nn.BatchNorm1d(4)]
    network = nn.Sequential(OrderedDict(zip(("first", "norm"), layers, strict=True))).eval()
    packed = pack(network, inputs=[Input.bits("x", (6,))], outputs=[OutputSpec("y", "numbers")])
    packed.save(tmp_path / "net.signbit")
    signbit("summary", tmp_path / "net.signbit", "--json", tmp_path / "s.json")
    rows = json.loads((tmp_path / "s.json").read_text())["nodes"]
    assert [row["module"] for row in rows] == ["first", "norm"]
    engine, x = Engine(packed), np.ones((2, 6), bool)
    for row in rows:
        found = engine.features(x, row["module"])
        np.testing.assert_array_equal(found, engine.features(x, row["value"]))


def test_a_packed_network_has_its_own_architecture(signbit, tmp_path):
    ends().save(tmp_path / "n.signbit")
    arguments = ("summary", tmp_path / "n.signbit", "--model", "mlp_binary")
    signbit.refused(*arguments, code=2, says="is packed; leave --model, --set and --zeros out")
