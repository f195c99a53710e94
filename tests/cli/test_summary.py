import json
from pathlib import Path

import pytest

from signbit import zoo
from signbit.format import PackedModel


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
