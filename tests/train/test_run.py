import csv
import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from signbit.data import ImageSet, folder, load, write_images
from signbit.errors import (
    CheckpointError,
    OutputError,
    SignbitError,
    TrainingError,
    TrainingInterruptedError,
    UsageError,
)
from signbit.layers import latent_weights
from signbit.models import create, load_model
from signbit.train import load_recipe, resume, train
from signbit.train._module import Classifier


class PowerCut(BaseException):
    """Ends a run like a kill: nothing of ours catches it."""


def weights(run):
    return load_file(run.folder / "last.safetensors")


def assert_same_end(run, other):
    ours, theirs = weights(run), weights(other)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key
    for name in ("best.safetensors", "last.safetensors"):
        assert (run.folder / name).read_bytes() == (other.folder / name).read_bytes()


def rows_of(run):
    with (run.folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


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
    assert settings["made_with"]["packages"]["torch"] == torch.__version__


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


# One epoch writes best, last, metrics, (curves) and the checkpoint; the first three writes are
# recipe, run and the checkpoint before the first epoch. So these lie in every kind of gap.
@pytest.mark.parametrize("lost_write", range(2, 13, 2))
def test_a_run_cut_at_any_write_resumes_to_the_same_end(
    tiny_run, tmp_path, monkeypatch, lost_write
):
    whole = replace(tiny_run, folder=tmp_path / "whole")
    train(whole)
    writes = 0
    path_class = type(tiny_run.folder)
    replace_file = path_class.replace

    def cut(self, target):
        nonlocal writes
        writes += 1
        if writes > lost_write:
            raise PowerCut
        return replace_file(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(path_class, "replace", cut)
        with pytest.raises(PowerCut):
            train(tiny_run)
    resume(tiny_run.folder)
    assert_same_end(tiny_run, whole)
    assert not list(tiny_run.folder.glob(".signbit-*"))
    assert len(rows_of(tiny_run)) == 3


def test_stochastic_signs_resume_to_the_same_end(tiny_run, tmp_path, monkeypatch):
    model = {"width": 4, "input_quantizer": "stochastic_sign"}
    recipe = tiny_run.recipe.model_copy(update={"model": model})
    run = replace(tiny_run, recipe=recipe)
    whole = replace(run, folder=tmp_path / "whole")
    train(whole)
    stop_at(monkeypatch, epoch=1, error=PowerCut)
    with pytest.raises(PowerCut):
        train(run)
    monkeypatch.undo()
    resume(run.folder)
    assert_same_end(run, whole)


# What a step may keep beside the weights: averages, two kinds of momentum, who is mirrored.
EXTRAS = {
    "epochs": 4,
    "latent_optimizer": {"name": "bop", "lr": 0.01},
    "latent_clip": None,
    "augmentation": {"crop_padding": 1, "flip": "alternating", "cutout": 2},
    "loss": {"label_smoothing": 0.1, "logit_scale": 2},
    "averaging": {"decay": 0.9, "batch_norm_images": 128},
    "distillation": {"temperature": 2},
}


@pytest.mark.parametrize("evaluate_every", [1, 2])
def test_averages_bop_and_distillation_resume_to_the_same_end(
    tiny_run, tmp_path, monkeypatch, evaluate_every
):
    teacher = replace(tiny_run, folder=tmp_path / "teacher")
    train(replace(teacher, recipe=load_recipe("digits", {"epochs": 1, "model": {"width": 4}})))
    extras = EXTRAS | {"model": {"width": 4}, "evaluate_every": evaluate_every}
    extras["distillation"] = {"temperature": 2, "teacher": str(teacher.folder)}
    run = replace(tiny_run, recipe=load_recipe("digits", extras))
    whole = replace(run, folder=tmp_path / "whole")
    train(whole)
    stop_at(monkeypatch, epoch=3, error=PowerCut)
    with pytest.raises(PowerCut):
        train(run)
    monkeypatch.undo()
    assert resume(run.folder)["epoch"] == 4
    assert_same_end(run, whole)


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


def test_a_module_can_teach_and_paths_are_kept_absolute(tiny_run, tmp_path, monkeypatch):
    teacher = create("digits_binary", width=4)
    changes = {"distillation": {}, "epochs": 1, "model": {"width": 4}}
    assert train(replace(tiny_run, recipe=load_recipe("digits", changes)), teacher)["epoch"] == 1
    monkeypatch.chdir(tmp_path)
    changes = {"init": "run", "epochs": 1, "model": {"width": 4}}
    second = replace(tiny_run, recipe=load_recipe("digits", changes), folder=tmp_path / "second")
    train(second)
    assert f"init: {tiny_run.folder}" in (second.folder / "recipe.yaml").read_text()


def stop_at(monkeypatch, epoch, error):
    step = Classifier.training_step

    def stopping(self, batch, batch_index):
        if self.current_epoch == epoch and batch_index == 3:
            raise error
        return step(self, batch, batch_index)

    monkeypatch.setattr(Classifier, "training_step", stopping)


@pytest.mark.parametrize("epoch", [0, 2])
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(tiny_run, monkeypatch, epoch):
    stop_at(monkeypatch, epoch, KeyboardInterrupt)
    with pytest.raises(TrainingInterruptedError) as error:
        train(tiny_run)
    assert f"after {epoch} of 3 epochs" in str(error.value)
    assert f"signbit train --resume --out {tiny_run.folder}" in str(error.value)
    monkeypatch.undo()
    assert resume(tiny_run.folder)["epoch"] == 3


def test_resuming_a_finished_run_changes_nothing(tiny_run):
    metrics = train(tiny_run)
    before = (tiny_run.folder / "last.safetensors").read_bytes()
    assert resume(tiny_run.folder) == metrics
    assert (tiny_run.folder / "last.safetensors").read_bytes() == before


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tiny_run, monkeypatch):
    step = Classifier.training_step

    def exploding(self, batch, batch_index):
        factor = torch.inf if (self.current_epoch, batch_index) == (1, 4) else 1.0
        return step(self, batch, batch_index) * factor

    monkeypatch.setattr(Classifier, "training_step", exploding)
    with pytest.raises(TrainingError, match=r"not finite in epoch 2, step 5 of 20"):
        train(tiny_run)
    assert len(rows_of(tiny_run)) == 1
    for tensor in weights(tiny_run).values():
        assert tensor.to(torch.float32).isfinite().all()


def test_a_latent_weight_that_is_not_a_number_stops_the_run(tiny_run, monkeypatch):
    """Its sign is -1, so that the loss stays finite."""
    step = Classifier._step

    def spoiling(self, loss, number):
        step(self, loss, number)
        if self.current_epoch == 1:
            with torch.no_grad():
                self.model.features[0].weight[0] = torch.nan

    monkeypatch.setattr(Classifier, "_step", spoiling)
    with pytest.raises(TrainingError, match=r"features\.0\.weight is not finite after epoch 2"):
        train(tiny_run)
    monkeypatch.undo()
    assert len(rows_of(tiny_run)) == 1
    assert resume(tiny_run.folder)["epoch"] == 3


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


def test_sgd_trains(tiny_run):
    recipe = load_recipe(
        "digits",
        {"epochs": 2, "model": {"width": 4}, "optimizer": {"name": "sgd", "lr": 0.5}},
    )
    assert train(replace(tiny_run, recipe=recipe))["accuracy"] > 0.15


def test_a_folder_in_use_is_refused(tiny_run):
    tiny_run.folder.mkdir()
    (tiny_run.folder / "precious").write_text("x")
    with pytest.raises(UsageError, match="is not empty"):
        train(tiny_run)
    assert [path.name for path in tiny_run.folder.iterdir()] == ["precious"]


def test_a_file_in_the_folders_place_is_refused(tiny_run):
    tiny_run.folder.write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        train(tiny_run)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"name": "vgg_small"}, "option of model 'digits_binary' 'name'"),
        ({"input_size": 8}, "image size 8"),
        ({"input_size": ["a", "b"]}, "image size"),
        (
            {"weight_quantizer": {"name": "standardized_sign", "tau_end": "high"}},
            "tau_end 'high'; give quantiles",
        ),
        ({"width": "wide"}, "width is 'wide'"),
        ({"weight_quantizer": 3}, "cannot be built|a quantizer is a name"),
    ],
)
def test_options_that_no_model_takes_are_one_line_and_leave_no_folder(tiny_run, model, message):
    recipe = tiny_run.recipe.model_copy(update={"model": model})
    with pytest.raises((UsageError, TypeError), match=message) as error:
        train(replace(tiny_run, recipe=recipe))
    assert isinstance(error.value, SignbitError)
    assert "\n" not in str(error.value)
    assert not tiny_run.folder.exists()


def test_what_the_data_decides_may_be_said_too(tiny_run):
    model = {"width": 4, "input_size": (8, 8), "in_channels": 1}
    recipe = tiny_run.recipe.model_copy(update={"model": model, "epochs": 1})
    assert train(replace(tiny_run, recipe=recipe))["epoch"] == 1


def test_options_that_the_data_decides_are_refused(tiny_run):
    recipe = tiny_run.recipe.model_copy(update={"model": {"num_classes": 7}})
    with pytest.raises(UsageError, match=r"model\.num_classes is 7, the data set 'digits' has 10"):
        train(replace(tiny_run, recipe=recipe))
    assert not tiny_run.folder.exists()


def test_unknown_model_leaves_no_folder(tiny_run):
    with pytest.raises(UsageError, match="unknown model"):
        train(replace(tiny_run, model="nope"))
    assert not tiny_run.folder.exists()


@pytest.mark.parametrize("name", ["run.json", "recipe.yaml", "last.ckpt"])
def test_a_damaged_run_folder_is_an_error(tiny_run, name):
    train(tiny_run)
    (tiny_run.folder / name).write_bytes(b"nonsense{")
    with pytest.raises((CheckpointError, UsageError), match=name):
        resume(tiny_run.folder)


def test_a_run_on_a_relative_folder_resumes_from_elsewhere(tiny_run, tmp_path, monkeypatch):
    digits = load("digits", "train")
    few = ImageSet("few", "train", digits.images[:400], digits.labels[:400], digits.classes)
    write_images([few], tmp_path / "images", "png")
    monkeypatch.chdir(tmp_path)
    run = replace(tiny_run, data="folder:images", data_dir="none")
    stop_at(monkeypatch, 1, PowerCut)
    with pytest.raises(PowerCut):
        train(run)
    monkeypatch.undo()
    monkeypatch.chdir("/")
    assert resume(run.folder)["epoch"] == 3
    assert load_model(run.folder).info["data"] == "folder:images"
    settings = json.loads((run.folder / "run.json").read_text())
    assert settings["data_dir"] == str(tmp_path / "none")


def test_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"no run here.*run\.json"):
        resume(tmp_path)


def test_training_warns_about_nothing(tiny_run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(tiny_run)
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_trains(tiny_run):
    assert train(replace(tiny_run, device="cuda"))["accuracy"] > 0.15


def test_cuda_without_a_device_is_an_error(tiny_run, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="not available here"):
        train(replace(tiny_run, device="cuda"))


def test_images_read_by_workers_train_like_images_in_memory(tiny_run, tmp_path, monkeypatch):
    digits = load("digits", "train")
    few = ImageSet("few", "train", digits.images[:400], digits.labels[:400], digits.classes)
    write_images([few], tmp_path / "images", "png")
    memory = replace(tiny_run, data=f"folder:{tmp_path / 'images'}", folder=tmp_path / "memory")
    train(memory)
    monkeypatch.setattr(folder, "MAX_ARRAY_BYTES", 0)
    files = replace(memory, folder=tmp_path / "files")
    assert not isinstance(load(files.data, "train").images, np.ndarray)
    train(files)
    for key, value in weights(memory).items():
        assert torch.equal(value, weights(files)[key]), key


# Torch's compiler warns of its own use of deprecated calls and leaves files to the collector.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_compiled_model_trains_and_loads(tiny_run, monkeypatch):
    compiled, compile_module = [], torch.nn.Module.compile

    def noting(self, *arguments, **options):
        compiled.append(type(self).__name__)
        compile_module(self, *arguments, **options)

    monkeypatch.setattr(torch.nn.Module, "compile", noting)
    recipe = tiny_run.recipe.model_copy(update={"compile": True, "epochs": 2})
    run = replace(tiny_run, recipe=recipe)
    assert train(run)["accuracy"] > 0.15
    assert compiled == ["DigitsBinary"]
    assert load_model(run.folder).architecture.options["width"] == 4
