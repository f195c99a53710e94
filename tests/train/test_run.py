"""What a run leaves behind."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.runs import assert_same_end, rows_of, weights
from torch import nn

from signbit.data import ImageSet, _file_set, load, write_images
from signbit.layers import latent_weights
from signbit.models import create, load_model
from signbit.models.digits_binary import DigitsBinary
from signbit.train import load_recipe, train


def test_a_run_folder_holds_all_that_rebuilds_the_model(tiny_run):
    metrics = train(tiny_run)
    names = {path.name for path in tiny_run.folder.iterdir()}
    assert names == {
        *("recipe.yaml", "run.json", "metrics.csv", "curves.png", "tensorboard"),
        *("last.ckpt", "best.safetensors", "last.safetensors"),
    }
    assert metrics["val_accuracy"] > 0.15
    trained = load_model(tiny_run.folder)
    assert trained.source.name == "last.safetensors"
    assert trained.preprocessing.classes == tuple("0123456789")
    best = load_model(tiny_run.folder / "best.safetensors")
    assert best.info["metrics"]["val_accuracy"] == max(
        float(row["val_accuracy"]) for row in rows_of(tiny_run)
    )
    settings = json.loads((tiny_run.folder / "run.json").read_text())
    (made_with,) = settings["made_with"]
    assert made_with["packages"]["torch"] == torch.__version__


def test_metrics_have_a_row_an_epoch_with_diagnostics_of_every_layer(tiny_run):
    train(tiny_run)
    rows = rows_of(tiny_run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    layers = [name for name, _ in latent_weights(load_model(tiny_run.folder).module)]
    for column in ("loss", "accuracy", "val_loss", "val_accuracy", "lr", "feed_share"):
        assert all(float(row[column]) >= 0 for row in rows)
    for layer in layers:
        for kind in ("flipped", "clipped"):
            assert all(0 <= float(row[f"{kind}/{layer}"]) < 1 for row in rows)
    assert float(rows[0]["flipped"]) > 0


def test_latent_weights_stay_within_the_clip(tiny_run):
    recipe = load_recipe("digits", {"epochs": 1, "latent_clip": 0.05, "model": {"width": 4}})
    train(replace(tiny_run, recipe=recipe))
    for _, weight in latent_weights(load_model(tiny_run.folder).module):
        assert weight.abs().max() <= 0.05


def test_equal_seeds_give_equal_runs_and_others_do_not(tiny_run, tmp_path):
    again = replace(tiny_run, folder=tmp_path / "again")
    other = replace(tiny_run, folder=tmp_path / "other")
    other = replace(other, recipe=tiny_run.recipe.model_copy(update={"seed": 1}))
    for run in (tiny_run, again, other):
        train(run)
    assert_same_end(tiny_run, again)
    assert not torch.equal(
        weights(tiny_run)["features.0.weight"], weights(other)["features.0.weight"]
    )


def test_the_average_is_saved_and_the_raw_weights_are_kept_to_resume_from(tiny_run):
    changes = {"averaging": {"decay": 0.99}, "epochs": 2, "model": {"width": 4}}
    train(replace(tiny_run, recipe=load_recipe("digits", changes)))
    checkpoint = torch.load(tiny_run.folder / "last.ckpt", weights_only=True)["state_dict"]
    saved = weights(tiny_run)
    for key, value in saved.items():
        assert torch.equal(value, checkpoint[f"average.model.{key}"]), key
    assert not torch.equal(saved["features.0.weight"], checkpoint["model.features.0.weight"])


def test_epochs_without_evaluation_have_rows_without_validation(tiny_run):
    changes = {"evaluate_every": 2, "epochs": 3, "model": {"width": 4}}
    metrics = train(replace(tiny_run, recipe=load_recipe("digits", changes)))
    rows = rows_of(tiny_run)
    assert [bool(row["val_accuracy"]) for row in rows] == [False, True, True]
    assert all(row["accuracy"] for row in rows)
    assert metrics["epoch"] == 3


def test_a_module_can_teach_and_paths_are_absolute_in_the_folder_alone(
    tiny_run, tmp_path, monkeypatch
):
    teacher = create("digits_binary", width=4)
    changes = {"distillation": {}, "epochs": 1, "model": {"width": 4}}
    assert train(replace(tiny_run, recipe=load_recipe("digits", changes)), teacher)["epoch"] == 1
    monkeypatch.chdir(tmp_path)
    changes = {"init": "run", "epochs": 1, "model": {"width": 4}}
    second = replace(tiny_run, recipe=load_recipe("digits", changes), folder=tmp_path / "second")
    train(second)
    assert f"init: {tiny_run.folder}" in (second.folder / "recipe.yaml").read_text()
    assert load_model(second.folder).info["recipe"]["init"] == "run"


def test_no_validation_writes_no_best(tiny_run):
    run = replace(tiny_run, recipe=tiny_run.recipe.model_copy(update={"val_size": 0.0}))
    metrics = train(run)
    assert "val_accuracy" not in metrics
    assert not (run.folder / "best.safetensors").exists()
    assert load_model(run.folder).source.name == "last.safetensors"


def test_bfloat16_keeps_latent_weights_in_float32(tiny_run):
    recipe = tiny_run.recipe.model_copy(update={"precision": "bfloat16", "epochs": 1})
    train(replace(tiny_run, recipe=recipe))
    assert all(t.dtype in (torch.float32, torch.int64) for t in weights(tiny_run).values())


def test_only_training_steps_run_under_autocast(tiny_run, monkeypatch):
    changes = {"precision": "bfloat16", "epochs": 1, "averaging": {}, "model": {"width": 4}}
    seen, forward = {True: set(), False: set()}, DigitsBinary.forward

    def noting(self, x):
        seen[self.training].add(torch.is_autocast_enabled("cpu"))
        return forward(self, x)

    monkeypatch.setattr(DigitsBinary, "forward", noting)
    train(replace(tiny_run, recipe=load_recipe("digits", changes)))
    # In eval mode: validation, and the measuring of the average's batch norms.
    assert seen == {True: {True}, False: {False}}


def test_sgd_trains(tiny_run):
    recipe = load_recipe(
        "digits",
        {"epochs": 2, "model": {"width": 4}, "optimizer": {"name": "sgd", "lr": 0.5}},
    )
    assert train(replace(tiny_run, recipe=recipe))["accuracy"] > 0.15


def test_training_warns_about_nothing(tiny_run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(tiny_run)
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_trains(tiny_run):
    assert train(replace(tiny_run, device="cuda"))["accuracy"] > 0.15


def test_images_read_by_workers_train_like_images_in_memory(tiny_run, tmp_path, monkeypatch):
    digits = load("digits", "train")
    few = ImageSet("few", "train", digits.images[:400], digits.labels[:400], digits.classes)
    write_images([few], tmp_path / "images", "png")
    memory = replace(tiny_run, data=f"folder:{tmp_path / 'images'}", folder=tmp_path / "memory")
    train(memory)
    monkeypatch.setattr(_file_set, "MAX_ARRAY_BYTES", 0)
    files = replace(memory, folder=tmp_path / "files")
    assert not isinstance(load(files.data, "train").images, np.ndarray)
    train(files)
    for key, value in weights(memory).items():
        assert torch.equal(value, weights(files)[key]), key


# Torch's compiler warns of its own use of deprecated calls and leaves files to the collector.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_compiled_model_trains_and_loads(tiny_run, monkeypatch):
    compiled, compile_module = [], torch.nn.Module.compile

    def noting(self, *arguments, **options):
        compiled.append(type(self).__name__)
        compile_module(self, *arguments, **options)

    monkeypatch.setattr(torch.nn.Module, "compile", noting)
    # As `best` is made to run on a GPU.
    settings = {"compile": "reduce-overhead", "precision": "bfloat16", "epochs": 2}
    settings |= {"averaging": {"decay": 0.9, "batch_norm_images": 128}, "model": {"width": 4}}
    run = replace(tiny_run, recipe=load_recipe("digits", settings))
    assert train(run)["accuracy"] > 0.15
    assert compiled == ["DigitsBinary"]
    assert load_model(run.folder).architecture.options["width"] == 4


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.slow
def test_a_compiled_model_and_its_teacher_are_compiled_once(tiny_run, monkeypatch):
    # Validation is in float32, its last batch smaller: neither must compile anything anew.
    monkeypatch.setattr(torch._dynamo.config, "error_on_recompile", True)
    torch._dynamo.reset()
    taught = {"distillation": {"temperature": 2}, "model": {"width": 4}, "epochs": 2}
    recipe = load_recipe("digits", taught | {"compile": True, "precision": "bfloat16"})
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert train(replace(tiny_run, recipe=recipe), teacher)["val_accuracy"] > 0
    assert teacher._compiled_call_impl is not None
