from dataclasses import replace

import numpy as np
import pytest
import torch

from signbit.data import ImageSet, load, write_images
from signbit.errors import CheckpointError, UsageError
from signbit.format import Preprocessing
from signbit.layers import latent_weights
from signbit.models import Architecture, create, legacy_input, load_model
from signbit.models._legacy import legacy_preprocessing
from signbit.pack import pack
from signbit.train import Run, load_recipe, resume, train
from signbit.train._initial_weights import start_from, with_input_of_init
from signbit.train._run_recorder import RunRecorder

GREY = Preprocessing([1 / 128], [-1.0], (8, 8))


def start(path, preprocessing=GREY, **changes):
    """A digits_binary that starts from the file."""
    options = {"width": 4, "in_channels": 1, "input_size": (8, 8)} | changes
    model = create("digits_binary", **options)
    start_from(model, str(path), preprocessing, Architecture("digits_binary", options))
    return model


def test_the_second_stage_starts_from_the_weights_of_the_first(tiny_run, tmp_path):
    first = {"epochs": 1, "model": {"width": 4, "weight_quantizer": "identity"}}
    train(replace(tiny_run, recipe=load_recipe("digits", first)))
    trained = load_model(tiny_run.folder).module
    assert list(latent_weights(trained)) == []
    model = start(tiny_run.folder)
    for key, value in trained.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key
    second = {"epochs": 1, "model": {"width": 4}, "init": str(tiny_run.folder)}
    run = replace(tiny_run, recipe=load_recipe("digits", second), folder=tmp_path / "second")
    assert train(run)["accuracy"] > 0.15
    assert len(list(latent_weights(load_model(run.folder).module))) == 4


def test_a_run_begins_at_the_weights_that_init_names(tiny_run, tmp_path):
    train(tiny_run)
    still = {"epochs": 1, "model": {"width": 4}, "optimizer": {"lr": 1e-9}}
    still["init"] = str(tiny_run.folder)
    run = replace(tiny_run, recipe=load_recipe("digits", still), folder=tmp_path / "second")
    train(run)
    begun, ended = (dict(latent_weights(load_model(r.folder).module)) for r in (tiny_run, run))
    for name, weight in begun.items():
        torch.testing.assert_close(ended[name], weight, atol=1e-6, rtol=0)


def test_another_shape_is_an_error_that_names_it(tiny_run):
    train(replace(tiny_run, recipe=load_recipe("digits", {"epochs": 1, "model": {"width": 4}})))
    with pytest.raises(CheckpointError, match=r"does not fit .*features\.0\.bias"):
        start(tiny_run.folder, width=8)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="none"):
        start(tmp_path / "none")


def test_other_input_is_refused(tiny_run):
    train(replace(tiny_run, recipe=load_recipe("digits", {"epochs": 1, "model": {"width": 4}})))
    with pytest.raises(
        UsageError,
        match=r"^--init .* was trained with the input pixels \* .*; set the same `input`$",
    ):
        start(tiny_run.folder, Preprocessing([1 / 64], [-1.0], (8, 8)))


@pytest.fixture
def old(tmp_path):
    """An old checkpoint for 8x8 images of 3 channels, and a run on some that starts there."""
    digits = load("digits", "train")
    colours = np.repeat(digits.images[:200], 3, axis=3)
    few = ImageSet("few", "train", colours, digits.labels[:200], digits.classes)
    write_images([few], tmp_path / "images", "png")
    torch.manual_seed(3)
    module = create("digits_binary", width=4, in_channels=3)
    path = tmp_path / "model_best.pth.tar"
    torch.save({"epoch": 1, "state_dict": module.state_dict(), "best": np.float64(9)}, path)
    still = {"epochs": 1, "batch_size": 64, "model": {"width": 4, "in_channels": 3}}
    still |= {"optimizer": {"lr": 1e-9}, "augmentation": {}}
    recipe = load_recipe("digits", still | {"init": str(path)})
    return path, module, Run(recipe, "digits_binary", f"folder:{tmp_path}/images", tmp_path / "run")


def test_a_run_goes_on_from_an_old_checkpoint_and_its_input(old, monkeypatch):
    path, module, run = old
    save = RunRecorder.on_train_epoch_end
    monkeypatch.setattr(RunRecorder, "on_train_epoch_end", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(run)
    monkeypatch.setattr(RunRecorder, "on_train_epoch_end", save)
    path.unlink()  # the run folder remembers all of it
    assert resume(run.folder)["epoch"] == 1
    trained = load_model(run.folder)
    input_of_old = legacy_preprocessing(trained.architecture)
    assert trained.preprocessing.scale == input_of_old.scale
    assert trained.preprocessing.bias == input_of_old.bias
    weights = dict(latent_weights(trained.module))
    for name, weight in latent_weights(module):
        torch.testing.assert_close(weights[name], weight, atol=1e-6, rtol=0)
    packed = pack(trained.module, trained.preprocessing)
    assert packed.preprocessing.scale == input_of_old.scale


def test_an_input_that_is_another_than_that_of_the_old_checkpoint_names_both(old):
    _, _, run = old
    recipe = load_recipe("digits", {"input": {"scale": 0.5}, "init": run.recipe.init})
    with pytest.raises(
        UsageError,
        match=r"with the input pixels \* \(0\.01.*`input` of the recipe is pixels \* 0\.5 \+ -1",
    ):
        train(replace(run, recipe=recipe))
    assert not run.folder.exists()
    scale, bias = legacy_input()
    given = load_recipe("digits", {"input": {"scale": scale, "bias": bias}, "init": recipe.init})
    assert with_input_of_init(given) == given


def test_images_of_other_channels_than_the_input_are_refused(old, tiny_run):
    recipe = tiny_run.recipe.model_copy(update={"init": old[2].recipe.init})
    with pytest.raises(
        UsageError, match=r"input\.scale has 3 numbers, but the images have 1 channels"
    ):
        train(replace(tiny_run, recipe=recipe))


def test_zeros_of_an_old_checkpoint_must_be_decided(old, capsys):
    path, module, run = old
    with torch.no_grad():
        module.features[3].weight[0, 0] = 0
    torch.save(module.state_dict(), path)
    with pytest.raises(CheckpointError, match=r"features\.3\.weight \(9 of 288 weights\)"):
        train(run)
    assert not run.folder.exists()
    train(replace(run, zeros="plus"))
    assert "count as +1: features.3.weight (9 of 288 weights)" in capsys.readouterr().err
    assert (dict(latent_weights(load_model(run.folder).module))["features.3"][0, 0] > 0).all()


def test_zeros_without_an_old_checkpoint_are_refused(tiny_run):
    with pytest.raises(
        UsageError, match="--zeros is given, but `init` of the recipe is not an old checkpoint"
    ):
        train(replace(tiny_run, zeros="plus"))
