"""A run that stopped, by whatever, ends like one that did not."""

import io
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.runs import assert_same_end, rows_of, stop_at

from signbit.data import ImageSet, load, write_images
from signbit.errors import CheckpointError, TrainingInterruptedError, UsageError
from signbit.models import load_model
from signbit.signals import StopSignal
from signbit.train import Run, load_recipe, resume, train
from signbit.train._checkpoint import with_digest
from signbit.train._environment import environment
from signbit.train._run_files import read_environments, read_run, write_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that has ended, for tests that copy it."""
    recipe = load_recipe("digits", {"epochs": 1, "batch_size": 64, "model": {"width": 4}})
    run = Run(recipe, "digits_binary", "digits", tmp_path_factory.mktemp("finished") / "run")
    train(run)
    return run


@pytest.fixture
def trained_run(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    return replace(finished, folder=tmp_path / "copy")


def test_a_checkpoint_names_its_states_as_earlier_versions_did(finished):
    checkpoint = torch.load(finished.folder / "last.ckpt", weights_only=True)
    assert len(checkpoint["callbacks"]["RunFolder"]["rows"]) == 1


def test_a_run_is_named_by_a_path_or_a_text(trained_run):
    assert resume(str(trained_run.folder)) == resume(trained_run.folder)


class PowerCut(BaseException):
    """Ends a run like a kill: nothing of ours catches it."""


@contextmanager
def cut_at_write(monkeypatch, kept):
    """Only so many files are written."""
    writes = 0
    path_class = type(Path())
    replace_file = path_class.replace

    def cut(self, target):
        nonlocal writes
        writes += 1
        if writes > kept:
            raise PowerCut
        return replace_file(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(path_class, "replace", cut)
        yield


# One epoch writes best, last, metrics, (curves) and the checkpoint; the first three writes are
# recipe, run and the checkpoint before the first epoch. So these lie in every kind of gap behind
# those two, which the next test has.
@pytest.mark.slow
@pytest.mark.parametrize("lost_write", range(2, 13, 2))
def test_a_run_cut_at_any_write_resumes_to_the_same_end(
    tiny_run, tmp_path, monkeypatch, lost_write
):
    whole = replace(tiny_run, folder=tmp_path / "whole")
    train(whole)
    with cut_at_write(monkeypatch, lost_write), pytest.raises(PowerCut):
        train(tiny_run)
    resume(tiny_run.folder)
    assert_same_end(tiny_run, whole)
    assert not list(tiny_run.folder.glob(".signbit-*"))
    assert len(rows_of(tiny_run)) == 3


@pytest.mark.parametrize("written", [0, 1])
def test_a_start_that_left_no_run_starts_again_with_the_same_settings(
    tiny_run, monkeypatch, written
):
    with cut_at_write(monkeypatch, written), pytest.raises(PowerCut):
        train(tiny_run)
    tiny_run.folder.mkdir(exist_ok=True)
    (tiny_run.folder / ".signbit-x.tmp.json").touch()
    with pytest.raises(CheckpointError, match=r"no run here.* is missing"):
        resume(tiny_run.folder)
    if written:
        other = replace(tiny_run, recipe=tiny_run.recipe.model_copy(update={"epochs": 9}))
        with pytest.raises(UsageError, match="is not empty"):
            train(other)
    assert train(tiny_run)["epoch"] == 3
    assert not list(tiny_run.folder.glob(".signbit-*"))


def assert_resumes_to_the_same_end(run, monkeypatch, cut_in):
    whole = replace(run, folder=run.folder.with_name("whole"))
    train(whole)
    stop_at(monkeypatch, epoch=cut_in, error=PowerCut)
    with pytest.raises(PowerCut):
        train(run)
    monkeypatch.undo()
    assert resume(run.folder)["epoch"] == run.recipe.epochs
    assert_same_end(run, whole)


def test_stochastic_signs_resume_to_the_same_end(tiny_run, monkeypatch):
    model = {"width": 4, "input_quantizer": "stochastic_sign"}
    recipe = tiny_run.recipe.model_copy(update={"model": model})
    run = replace(tiny_run, recipe=recipe)
    assert_resumes_to_the_same_end(run, monkeypatch, cut_in=1)


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


@pytest.mark.slow
@pytest.mark.parametrize("evaluate_every", [1, 2])
def test_averages_bop_and_distillation_resume_to_the_same_end(
    tiny_run, tmp_path, monkeypatch, evaluate_every
):
    teacher = replace(tiny_run, folder=tmp_path / "teacher")
    train(replace(teacher, recipe=load_recipe("digits", {"epochs": 1, "model": {"width": 4}})))
    extras = EXTRAS | {"model": {"width": 4}, "evaluate_every": evaluate_every}
    extras["distillation"] = {"temperature": 2, "teacher": str(teacher.folder)}
    run = replace(tiny_run, recipe=load_recipe("digits", extras))
    assert_resumes_to_the_same_end(run, monkeypatch, cut_in=3)


@pytest.mark.parametrize(
    ("epoch", "stop", "code"),
    [(0, KeyboardInterrupt(), 130), (2, KeyboardInterrupt(), 130), (2, StopSignal(1), 129)],
)
def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(
    tiny_run, monkeypatch, epoch, stop, code
):
    stop_at(monkeypatch, epoch, stop)
    with pytest.raises(TrainingInterruptedError) as error:
        train(tiny_run)
    assert error.value.exit_code == code
    assert f"after {epoch} of 3 epochs" in str(error.value)
    assert f"signbit train --resume --out {tiny_run.folder}" in str(error.value)
    monkeypatch.undo()
    assert resume(tiny_run.folder)["epoch"] == 3


def test_resuming_a_finished_run_changes_nothing(tiny_run):
    metrics = train(tiny_run)
    before = (tiny_run.folder / "last.safetensors").read_bytes()
    assert resume(tiny_run.folder) == metrics
    assert (tiny_run.folder / "last.safetensors").read_bytes() == before


@pytest.mark.parametrize("name", ["run.json", "recipe.yaml", "last.ckpt"])
def test_a_damaged_run_folder_is_an_error(tiny_run, name):
    train(tiny_run)
    (tiny_run.folder / name).write_bytes(b"nonsense{")
    with pytest.raises((CheckpointError, UsageError), match=name):
        resume(tiny_run.folder)


@pytest.mark.parametrize("name", ["run.json", "recipe.yaml", "last.ckpt"])
def test_a_pipe_in_a_run_folder_is_refused_and_not_waited_for(trained_run, name):
    (trained_run.folder / name).unlink()
    os.mkfifo(trained_run.folder / name)
    with pytest.raises((CheckpointError, UsageError), match=rf"{name}.* a device or pipe"):
        resume(trained_run.folder)


def test_a_run_may_be_started_in_a_folder_whose_name_is_no_utf_8(tiny_run):
    run = replace(tiny_run, started_in=Path("/\udcff"))
    write_run(run)
    assert read_run(run.folder).started_in == run.started_in


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "run.json is damaged"),
        ("[" * 100_000, "run.json is damaged"),
        ("{}", "run.json is damaged: 'data_dir'"),
        ('{"data_dir": null, "data_dir": ""}', "the key 'data_dir' occurs twice"),
        ('{"data_dir": null, "model": 5, "data": "digits", "device": "cpu"}', "model is int"),
    ],
)
def test_settings_of_a_run_that_are_none_are_an_error(trained_run, text, told):
    (trained_run.folder / "run.json").write_text(text)
    with pytest.raises(CheckpointError, match=told):
        resume(trained_run.folder)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lr: 0.0", "lr: 0.9", "recipe.optimizer.lr 0.0"),
        ("epochs: 3", "epochs: 4", "recipe.epochs 3, now 4"),
        ("width: 4", "width: 8", "recipe.model.width 4, now 8"),
    ],
)
def test_an_edited_recipe_is_not_gone_on_with(tiny_run, old, new, told):
    train(tiny_run)
    recipe = tiny_run.folder / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(text.replace(old, new, 1))
    before = (tiny_run.folder / "last.ckpt").read_bytes()
    with pytest.raises(UsageError) as error:
        resume(tiny_run.folder)
    assert str(error.value).startswith(f"{tiny_run.folder}/last.ckpt was trained with {told}")
    assert (tiny_run.folder / "last.ckpt").read_bytes() == before
    recipe.write_text(text)
    assert resume(tiny_run.folder)["epoch"] == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("image", "data.images 20, now 21"),
        ("label", r"data.labels_crc32 \d+, now \d+\. To go on, set"),
        ("class", r"preprocessing.classes \['0', .*, now \['0', "),
    ],
)
def test_a_run_does_not_go_on_with_other_images(tiny_run, tmp_path, change, told):
    digits = load("digits", "train")
    first = ImageSet("few", "train", digits.images[:20], digits.labels[:20], digits.classes)
    write_images([first], tmp_path / "images", "png")
    train(replace(tiny_run, data=f"folder:{tmp_path / 'images'}"))
    image = tmp_path / "images/train/1_0.png"
    if change == "image":
        image.with_name("1_99.png").write_bytes(image.read_bytes())
    elif change == "label":
        image.rename(image.with_name("2_0.png"))
    else:
        with (tmp_path / "images/classes.txt").open("a") as names:
            names.write("ten\n")
    with pytest.raises(UsageError, match=rf"last\.ckpt was trained with .*{told}"):
        resume(tiny_run.folder)


def test_a_checkpoint_that_does_not_say_its_run_is_an_error(tiny_run):
    train(tiny_run)
    torch.save({"state_dict": {}}, tiny_run.folder / "last.ckpt")
    with pytest.raises(
        CheckpointError, match=r"last\.ckpt: does not contain the facts about its run"
    ):
        resume(tiny_run.folder)


def test_a_run_says_all_that_it_was_made_with(tiny_run, monkeypatch):
    train(tiny_run)
    resume(tiny_run.folder)
    elsewhere = environment("cpu") | {"threads": 64}
    monkeypatch.setattr("signbit.train._run_files.environment", lambda device: elsewhere)
    for _ in range(2):
        resume(tiny_run.folder)
    assert read_environments(tiny_run.folder) == [environment("cpu"), elsewhere]


def test_a_run_may_be_trained_in_a_thread_that_is_not_the_main_one(tiny_run):
    with ThreadPoolExecutor() as pool:
        assert pool.submit(train, tiny_run).result()["epoch"] == 3


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
    assert replace(run, data=f"folder:{tmp_path}/images/").data_name == "folder:images"
    settings = json.loads((run.folder / "run.json").read_text())
    assert settings["data_dir"] == str(tmp_path / "none")


def test_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"no run here.*run\.json"):
        resume(tmp_path)


@pytest.mark.parametrize("without", ["loops", "optimizer_states", "state_dict", "callbacks"])
def test_a_forged_checkpoint_is_one_line(trained_run, without):
    """Its digest and what it says of the run are right: anybody can compute a digest."""
    path = trained_run.folder / "last.ckpt"
    content = torch.load(path, weights_only=True)
    content[without] = {"x": {}} if isinstance(content[without], dict) else [{}]
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(with_digest(buffer.getvalue()))
    with pytest.raises(CheckpointError, match=r"last\.ckpt: .*train again") as caught:
        resume(trained_run.folder)
    assert "\n" not in str(caught.value)
