import json

import pytest


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
    assert folder.splitlines()[:-1] == file.splitlines()[:-1]
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
