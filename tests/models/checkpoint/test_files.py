"""Checkpoints are written and read whole, from files and run folders."""

import json
import os

import numpy as np
import pytest
import torch
from models.checkpoint.conftest import OPTIONS, assert_refused, rewrite
from safetensors.torch import load_file, save_file

from signbit.errors import OutputError, UsageError
from signbit.models import Architecture, load_model, save_model


def test_round_trip_keeps_every_tensor_and_what_describes_it(
    path, module, architecture, preprocessing
):
    loaded = load_model(path)
    assert loaded.architecture == architecture
    assert loaded.preprocessing == preprocessing
    assert loaded.info == {"epoch": 3, "data": "digits"}
    assert loaded.source == path
    assert not loaded.module.training
    for key, value in module.state_dict().items():
        assert torch.equal(loaded.module.state_dict()[key], value), key


def test_loaded_model_scores_pixels_as_the_module_does(path, module):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    real = torch.from_numpy(pixels).float().permute(0, 3, 1, 2) * (2 / 255) - 1
    with torch.no_grad():
        expected = module(real).numpy()
    scores = load_model(path).scores(pixels)
    assert scores.dtype == np.float32
    assert scores.shape == (5, 10)
    np.testing.assert_array_equal(scores, expected)


def test_scores_take_pixels_in_any_memory_order(path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    model = load_model(path)
    np.testing.assert_array_equal(model.scores(pixels[::-1]), model.scores(pixels)[::-1])


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 8, 8, 1), np.float32),
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((1, 8, 8, 3), "u1"),
    ],
)
def test_scores_refuse_other_images(path, pixels):
    with pytest.raises(UsageError, match=r"accepts uint8 of shape \(N, 8, 8, 1\)"):
        load_model(path).scores(pixels)


def test_loaded_parameters_can_be_trained_on(path):
    module = load_model(path).module
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not any(value.is_meta for value in module.state_dict().values())


def test_loaded_model_does_not_change_with_its_file(path):
    model = load_model(path)
    before = {key: value.clone() for key, value in model.module.state_dict().items()}
    with path.open("rb+") as file:
        file.truncate(0)
    for key, value in model.module.state_dict().items():
        assert torch.equal(before[key], value), key


def test_shared_weights_are_written_under_each_key(tmp_path, module, architecture, preprocessing):
    module.features[7].weight = torch.nn.Parameter(torch.ones_like(module.features[7].weight))
    module.classifier[1].running_var = module.classifier[1].running_mean.abs_().add_(1)
    save_model(tmp_path / "tied.safetensors", module, architecture, preprocessing)
    loaded = load_model(tmp_path / "tied.safetensors").module
    for key, value in module.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def test_half_precision_weights_are_widened(path, header):
    halves = {
        key: value.half() if value.is_floating_point() else value
        for key, value in load_file(path).items()
    }
    save_file(halves, path, metadata={"signbit": json.dumps(header)})
    assert {p.dtype for p in load_model(path).module.parameters()} == {torch.float32}


def test_run_folder_means_its_last_weights(path):
    last = path.rename(path.parent / "last.safetensors")
    (path.parent / "best.safetensors").write_bytes(b"not read")
    assert load_model(path.parent).source == last


def test_empty_folder_is_named(tmp_path):
    assert_refused(tmp_path, "last.safetensors", "give a run folder whose first epoch has ended")


def test_missing_file_is_named(tmp_path):
    assert_refused(tmp_path / "none.safetensors", "no such file")


@pytest.mark.parametrize("name", ["net.signbit", "net.onnx", "net", "best.ckpt"])
def test_file_of_another_kind_is_refused_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0" * 64)
    assert_refused(
        tmp_path / name, "its name is not that of a checkpoint", ".safetensors", error=UsageError
    )


def test_architecture_is_refused_where_the_file_says_its_own(path, architecture):
    with pytest.raises(UsageError, match="contains its architecture; leave out"):
        load_model(path, architecture)


def test_foreign_safetensors_needs_an_architecture(tmp_path):
    torch.manual_seed(0)
    architecture = Architecture("digits_binary", OPTIONS | {"in_channels": 3})
    path = tmp_path / "foreign.safetensors"
    save_file(architecture.build().state_dict(), path)
    assert_refused(path, "--model", error=UsageError)
    assert load_model(path, architecture).preprocessing.size == (8, 8)


def test_failed_write_leaves_the_earlier_file(
    path, module, architecture, preprocessing, monkeypatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        save_model(path, module, architecture, preprocessing)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("info", [{"x": object()}, {"x": "y" * (1 << 20)}, {1: 2, "1": 3}])
def test_what_could_not_be_read_back_is_not_written(
    tmp_path, module, architecture, preprocessing, info
):
    with pytest.raises(UsageError, match=r"net\.safetensors"):
        save_model(tmp_path / "net.safetensors", module, architecture, preprocessing, info)
    assert not list(tmp_path.iterdir())


def test_info_may_hold_all_that_a_run_writes(tmp_path, module, architecture, preprocessing):
    """The name of a folder that is no UTF-8, and a loss that is not finite."""
    info = {"data": "folder:\udcff", "metrics": {"val_loss": float("inf")}}
    save_model(tmp_path / "net.safetensors", module, architecture, preprocessing, info)
    assert load_model(tmp_path / "net.safetensors").info == info


def test_a_file_of_an_earlier_version_loads_without_a_digest(path, header, module):
    rewrite(path, header)
    loaded = load_model(path).module.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in module.state_dict().items())


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert_refused(tmp_path / "pipe.safetensors", "a device or pipe, not a file")
