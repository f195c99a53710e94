from dataclasses import replace

import pytest
import torch

from signbit.errors import CheckpointError, UsageError
from signbit.format import Preprocessing
from signbit.layers import latent_weights
from signbit.models import Architecture, create, load_model
from signbit.train import load_recipe, train
from signbit.train._start import start_from

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
    with pytest.raises(UsageError, match=r"^--init .* takes pixels \* .*; set the same `input`$"):
        start(tiny_run.folder, Preprocessing([1 / 64], [-1.0], (8, 8)))


def test_an_old_checkpoint_is_refused_in_words_that_train_knows(tmp_path):
    with pytest.raises(UsageError, match=r"old.pth.tar: networks of old checkpoints take pixels"):
        start(tmp_path / "old.pth.tar")
