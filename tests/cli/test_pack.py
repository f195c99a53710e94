import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from signbit.data import load
from signbit.format import PackedModel


@pytest.fixture(scope="module")
def packed(checkpoint, tmp_path_factory):
    from signbit.cli import main

    path = tmp_path_factory.mktemp("packed") / "digits.signbit"
    with pytest.raises(SystemExit) as stop:
        main(["pack", str(checkpoint), "-o", str(path)])
    assert stop.value.code == 0
    return path


@pytest.fixture(scope="module")
def digit_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    digits = load("digits", "test")
    for index in range(12):
        image = Image.fromarray(digits.images[index : index + 1][0, :, :, 0])
        image.save(folder / f"{digits.labels[index]}_{index}.png")
    return folder


def test_the_table_says_what_became_of_each_module(
    signbit, checkpoint, tmp_path, digit_files, monkeypatch
):
    # A narrow screen would fold the texts.
    monkeypatch.setenv("COLUMNS", "200")
    out, _ = signbit(
        "pack", checkpoint, "-o", tmp_path / "m.signbit", "--samples", digit_files,
        "--json", tmp_path / "m.json",
    )  # fmt: skip
    assert "integer threshold" in out
    assert "XOR and popcount of bits" in out
    assert "self-check on 28 samples: 0 of" in out
    result = json.loads((tmp_path / "m.json").read_text())
    assert result["bytes"] == (tmp_path / "m.signbit").stat().st_size
    assert result["check"]["bits_differ"] == 0
    assert result["modules"][0]["module"] == "features.0"


def test_the_check_can_be_left_out(signbit, checkpoint, tmp_path):
    out, _ = signbit("pack", checkpoint, "-o", tmp_path / "m.signbit", "--no-check")
    assert "not compared with torch" in out
    assert "check" not in PackedModel.load(tmp_path / "m.signbit").info


def test_wrong_names_are_an_error_and_write_nothing(signbit, checkpoint, tmp_path):
    out = tmp_path / "m.bin"
    signbit.refused("pack", checkpoint, "-o", out, code=2, says="ends in .signbit")
    missing = tmp_path / "no.safetensors"
    signbit.refused("pack", missing, "-o", tmp_path / "m.signbit", code=1, says="no.safetensors")
    assert not list(tmp_path.iterdir())


def test_evaluate_and_predict_say_of_a_packed_network_what_they_say_of_the_trained_one(
    signbit, checkpoint, packed, tmp_path, digit_files
):
    figures, lines = [], []
    for model in (checkpoint, packed):
        signbit("evaluate", model, "--data", "digits", "--json", tmp_path / "e.json")
        result = json.loads((tmp_path / "e.json").read_text())
        figures.append({key: result[key] for key in ("top1", "top5", "confusion", "images")})
        signbit("predict", model, digit_files, "--out", tmp_path / "p.csv")
        lines.append([row.rsplit(",", 1)[0] for row in (tmp_path / "p.csv").read_text().split()])
    assert figures[0] == figures[1]
    assert lines[0] == lines[1]
    assert len(lines[0]) == 13


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_chosen(signbit, packed, threads):
    signbit("evaluate", packed, "--data", "digits", "--threads", threads)


def test_options_of_other_models_are_an_error(signbit, checkpoint, packed):
    digits = ("--data", "digits")
    signbit.refused(
        "evaluate", packed, *digits, "--device", "cuda", code=2, says="contains its architecture"
    )
    signbit.refused("evaluate", packed, *digits, "--model", "mlp_binary", code=2, says="--model")
    signbit.refused(
        "evaluate", checkpoint, *digits, "--threads", 2, code=2, says="for packed networks"
    )


def test_a_damaged_file_is_an_error(signbit, packed, tmp_path, digit_files):
    (tmp_path / "cut.signbit").write_bytes(packed.read_bytes()[:-1])
    signbit.refused(
        "predict", tmp_path / "cut.signbit", digit_files, code=1, says="cut.signbit: not a .signbit"
    )


def test_packed_networks_run_without_torch(packed, digit_files):
    code = """
import sys
class NoTorch:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("torch", "lightning", "torchmetrics", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoTorch())
from signbit.cli import main
main(sys.argv[1:])
"""
    for arguments in (["evaluate", packed, "--data", "digits"], ["predict", packed, digit_files]):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.cifar10
def test_real_images_get_the_same_answers_from_torch_reference_and_engine(cifar10_dir):
    """A network trained for a moment on real images; every bit is decided by integers."""
    import torch

    from signbit.format import Preprocessing
    from signbit.models import create, to_input
    from signbit.pack import pack
    from signbit.runtime import reference
    from signbit.runtime.engine import Engine

    torch.manual_seed(0)
    images = load("cifar10", "test", data_dir=cifar10_dir)
    network = create("vgg_cifar10_binary", inflation=0.125)
    preprocessing = Preprocessing([1 / 128] * 3, [-1.0] * 3, (32, 32))
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for start in range(0, 2048, 128):
        batch = to_input(torch.from_numpy(images.images[start : start + 128]), preprocessing)
        labels = torch.from_numpy(images.labels[start : start + 128])
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(network(batch), labels).backward()
        optimizer.step()
    packed = pack(network.eval(), preprocessing, samples=images.images[:64])
    assert packed.info["exact"]
    pixels = np.asarray(images.images)
    engine = Engine(packed, 2).scores(pixels)
    with torch.inference_mode():
        wanted = [
            network(to_input(torch.from_numpy(images.images[start : start + 500]), preprocessing))
            for start in range(0, 10_000, 500)
        ]
    np.testing.assert_array_equal(engine.argmax(1), torch.cat(wanted).argmax(1).numpy())
    np.testing.assert_allclose(
        engine[:200], reference.scores(packed, pixels[:200]), rtol=1e-5, atol=1e-5
    )
    assert (engine.argmax(1) == images.labels).mean() > 0.2
