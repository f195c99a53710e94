"""Each recipe of the package trains a module, or says which overrides it needs."""

import ast
import re

import pytest
import torch
from helpers.own_task import FEATURES, arrays, network
from torch.nn import functional as F

from signbit.errors import UsageError
from signbit.train import load_recipe, recipe_names, train

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())
LOSSES = {"cross_entropy": TARGETS, "mse": INPUTS, "of one's own": TARGETS}
SHORT = {"epochs": 1, "batch_size": 32, "val_size": 0.25}


def overrides_in(message, recipe):
    """What a message proposes to paste."""
    found = re.search(rf'recipe=load_recipe\("{recipe}", (\{{.*\}})\)$', message)
    return ast.literal_eval(found[1]) if found else None


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("recipe", recipe_names())
def test_a_recipe_trains_with_the_overrides_that_its_error_proposes(recipe, loss, tmp_path):
    def run(chosen):
        outputs = FEATURES if loss == "mse" else 3
        train(
            network(outputs),
            (INPUTS, LOSSES[loss]),
            recipe=chosen,
            out=tmp_path / "run",
            loss=F.cross_entropy if loss == "of one's own" else loss,
        )

    overrides = {}
    if recipe != "plain":
        with pytest.raises(UsageError, match="does not suit a module of your own") as caught:
            run(recipe)
        overrides = overrides_in(str(caught.value), recipe)
        assert overrides
        assert not (tmp_path / "run").exists()
        for left_out in overrides:
            kept = {name: value for name, value in overrides.items() if name != left_out}
            with pytest.raises(UsageError, match=f"`{left_out}`"):
                run(load_recipe(recipe, SHORT | kept))
    run(load_recipe(recipe, SHORT | overrides))
    assert (tmp_path / "run" / "last.safetensors").exists()


def test_best_says_all_in_one_line(tmp_path):
    with pytest.raises(UsageError) as caught:
        train(network(), (INPUTS, TARGETS), recipe="best", out=tmp_path / "run")
    assert str(caught.value) == (
        "the recipe does not suit a module of your own: its `augmentation` acts only on named "
        "models and their pictures; its `distillation` needs a module as `teacher` of train(). "
        "Override these fields: "
        'recipe=load_recipe("best", {"augmentation": None, "distillation": None})'
    )


def test_best_with_a_teacher_keeps_its_distillation(tmp_path):
    with pytest.raises(UsageError) as caught:
        train(
            network(), (INPUTS, TARGETS), recipe="best", out=tmp_path / "r", teacher=network(3, 1)
        )
    assert overrides_in(str(caught.value), "best") == {"augmentation": None}


def test_held_out_samples_that_are_too_many_have_a_way_out(tmp_path):
    settings = load_recipe("binarynet", {"augmentation": None})
    with pytest.raises(UsageError, match=r"holds out 5000 of 96 .*; give a fraction such as 0\.1"):
        train(network(), (INPUTS, TARGETS), recipe=settings, out=tmp_path / "run")
