"""Old checkpoints on the command line: every command that opens one offers --zeros."""

import numpy as np
import pytest
import torch

from signbit.data import ImageSet, write_images
from signbit.models import create

ARCHITECTURE = (
    "--model",
    "digits_binary",
    "--set",
    "model.in_channels=3",
    "--set",
    "model.width=4",
)
ZEROS = "features.3.weight (9 of 288 weights)"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    pixels = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)
    classes = tuple(map(str, range(10)))
    write_images([ImageSet("few", "test", pixels, np.arange(10), classes)], folder, "png")
    return folder


def old_checkpoint(path, zeros: bool):
    torch.manual_seed(0)
    module = create("digits_binary", width=4, in_channels=3)
    module(torch.randn(64, 3, 8, 8))
    if zeros:
        with torch.no_grad():
            module.state_dict()["features.3.weight"][0, 0] = 0
    torch.save({"state_dict": module.state_dict()}, path)
    return path


def commands(path, images, folder):
    return [
        ("evaluate", path, "--data", f"folder:{images}", *ARCHITECTURE),
        ("predict", path, images, *ARCHITECTURE),
        ("pack", path, "-o", folder / "net.signbit", *ARCHITECTURE),
        ("export", path, "--to", "npz", "-o", folder / "arrays", *ARCHITECTURE),
        ("summary", path, *ARCHITECTURE),
    ]


@pytest.mark.parametrize("place", range(5))
def test_zeros_are_decided_by_an_option_and_the_decision_is_told(signbit, tmp_path, images, place):
    path = old_checkpoint(tmp_path / "model_best.pth.tar", zeros=True)
    command = commands(path, images, tmp_path)[place]
    signbit.refused(*command, code=1, says=f"{ZEROS}. The code that wrote the file used 0 as a")
    out, err = signbit(*command, "--zeros", "plus")
    assert f"signbit: {path}: exact zeros count as +1: {ZEROS}\n" in err
    assert "exact zeros" not in out


def test_a_checkpoint_without_zeros_tells_nothing(signbit, tmp_path, images):
    path = old_checkpoint(tmp_path / "model_best.pth.tar", zeros=False)
    for command in commands(path, images, tmp_path)[:1]:
        _, err = signbit(*command)
        assert "zero" not in err


def test_zeros_are_for_old_checkpoints(signbit, tmp_path, checkpoint):
    for command, says in (
        (("summary", checkpoint), "was written by signbit, where zero is -1; leave out --zeros"),
        (("summary", "--model", "digits_binary"), "--zeros is for an old checkpoint"),
        (("evaluate", tmp_path / "net.signbit", "--data", "digits"), "leave out --model, --set"),
        (("train", "--resume", "--out", tmp_path), "--resume reads its settings from the run"),
    ):
        signbit.refused(*command, "--zeros", "minus", code=2, says=says)


def test_mlp_binary_on_colour_images_trains_evaluates_and_packs(signbit, tmp_path):
    draw = np.random.default_rng(0)
    sets = [
        ImageSet(
            *("few", split, draw.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)),
            *(np.arange(count) % 3, ("a", "b", "c")),
        )
        for split, count in (("train", 24), ("test", 6))
    ]
    write_images(sets, tmp_path / "images", "png")
    data = ("--data", f"folder:{tmp_path}/images")
    small = ("--set", "model.hidden=[32]", "--epochs", 1, "--batch-size", 8)
    signbit("train", "--model", "mlp_binary", *data, *small, "--out", tmp_path / "run")
    signbit("pack", tmp_path / "run", "-o", tmp_path / "net.signbit")
    results = [signbit("evaluate", tmp_path / name, *data)[0] for name in ("run", "net.signbit")]
    trained, packed = (text.split(" images, ")[0].split("top-1")[1] for text in results)
    assert trained == packed
