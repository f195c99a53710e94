"""Entries of the zoo come from runs that differ in nothing but the seed, and are whole."""

import json
import shutil
import sys

import pytest

from signbit.data import load as load_data
from signbit.errors import UsageError
from signbit.format import PackedModel
from signbit.runtime.engine import Engine
from signbit.scoring import evaluate
from signbit.train import Run, load_recipe, read_metrics, train
from signbit.zoo import Card
from tools import make_zoo

CLEAN = {"device": "A Processor", "threads": 1, "git": {"commit": "c0ffee", "modified": False}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two short runs that differ in their seeds."""
    place = tmp_path_factory.mktemp("runs")
    settings = {"epochs": 1, "model": {"width": 4}}
    for seed in (0, 1):
        recipe = load_recipe("digits", settings | {"seed": seed})
        train(Run(recipe, "digits_binary", "digits", place / str(seed)))
    return place


@pytest.fixture
def runs(trained, tmp_path, monkeypatch):
    """Copies of them, from a clean checkout, and an empty zoo."""
    folders = [tmp_path / name for name in ("0", "1")]
    for folder in folders:
        shutil.copytree(trained / folder.name, folder)
        edit(folder, made_with=[CLEAN])
    for place in ("FOLDER", "PICTURES"):
        monkeypatch.setattr(make_zoo, place, tmp_path / place)
    return folders


def edit(folder, **settings):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def make(monkeypatch, *folders):
    monkeypatch.setattr(sys, "argv", ["make_zoo.py", "small", *map(str, folders)])
    make_zoo.main()


def test_the_entry_is_the_first_run_with_the_accuracies_of_all(runs, monkeypatch, tmp_path):
    make(monkeypatch, *runs)
    card = Card.from_dict(json.loads((tmp_path / "FOLDER/small.json").read_text()))
    data = (tmp_path / "FOLDER/small.signbit").read_bytes()
    figures = evaluate(Engine(PackedModel.load(data)), load_data("digits", "test")).figures
    assert (card.top1, card.top5, card.images) == (figures.top1, figures.top5, 360)
    assert list(card.top1_by_seed) == ["0", "1"]
    assert card.top1_by_seed["0"] == card.top1
    assert (card.seed, card.epochs, card.file_bytes) == (0, 1, len(data))
    assert (card.hardware, card.commit) == ("A Processor, threads: 1", "c0ffee")
    assert card.seconds > 0
    assert (tmp_path / "PICTURES/small.png").stat().st_size


@pytest.fixture
def taught(trained, tmp_path, runs):
    """The first of the runs, which says that it learned from a third."""
    teacher = tmp_path / "teacher"
    shutil.copytree(trained / "1", teacher)
    recipe = runs[0] / "recipe.yaml"
    named = f"distillation: {{teacher: {teacher}}}"
    recipe.write_text(recipe.read_text().replace("distillation: null", named))
    return runs[0], teacher


def test_the_card_of_a_taught_network_has_its_teacher_and_no_place(taught, monkeypatch, tmp_path):
    run, teacher = taught
    make(monkeypatch, run)
    card = Card.from_dict(json.loads((tmp_path / "FOLDER/small.json").read_text()))
    assert card.teacher is not None
    assert card.teacher["model"] == "digits_binary"
    assert card.teacher["recipe"]["seed"] == 1
    assert card.teacher["val_accuracy"] == read_metrics(teacher)[-1]["val_accuracy"]
    assert card.recipe["distillation"]["teacher"] == "teacher"
    assert card.commands[0] == "signbit zoo small --teacher-recipe teacher.yaml"
    assert card.commands[1].startswith("signbit train --recipe teacher.yaml --model digits_binary")
    assert card.commands[1].endswith("--out teacher")
    assert str(tmp_path) not in json.dumps(card.to_dict())


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("recipe.yaml", "distillation: null", "distillation: {teacher: a}", "has a teacher"),
        ("recipe.yaml", "init: null", "init: other", "starts from another network"),
        ("recipe.yaml", "epochs: 1", "epochs: 2", "1 of 2 epochs"),
        ("run.json", '"data": "digits"', '"data": "mnist"', "differ in data or device"),
    ],
)
def test_a_teacher_that_a_card_cannot_describe_is_refused(
    taught, monkeypatch, tmp_path, file, old, new, told
):
    run, teacher = taught
    text = (teacher / file).read_text()
    assert old in text
    (teacher / file).write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=told):
        make(monkeypatch, run)
    assert not (tmp_path / "FOLDER").exists()


@pytest.mark.parametrize(
    ("made_with", "told"),
    [
        ([CLEAN, CLEAN | {"threads": 2}], "was resumed with other code or on another machine"),
        ([CLEAN | {"git": None}], "was not trained from a commit"),
        ([CLEAN | {"git": {"commit": "c0ffee", "modified": True}}], "not trained from a commit"),
    ],
)
def test_runs_whose_code_is_not_known_are_refused(runs, monkeypatch, tmp_path, made_with, told):
    edit(runs[0], made_with=made_with)
    with pytest.raises(UsageError, match=told):
        make(monkeypatch, *runs)
    assert not (tmp_path / "FOLDER").exists()


@pytest.mark.parametrize(
    ("count", "old", "new", "told"),
    [
        (2, "seed: 1", "seed: 0", "two runs have the same seed"),
        (2, "lr: 0.01", "lr: 0.02", "differ in more than the seed"),
        (1, "epochs: 1", "epochs: 2", "1 of 2 epochs"),
        (1, "init: null", "init: other", "starts from another network"),
        (1, "distillation: null", "distillation: {weight: 1.0}", "no command can make"),
    ],
)
def test_runs_that_a_card_cannot_describe_are_refused(runs, monkeypatch, count, old, new, told):
    chosen = runs[:count]
    recipe = chosen[-1] / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(old, new))
    with pytest.raises(UsageError, match=told):
        make(monkeypatch, *chosen)
