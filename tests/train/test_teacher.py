from dataclasses import replace

import pytest
import torch
from torch import nn

from signbit.errors import CheckpointError, UsageError
from signbit.format import Preprocessing
from signbit.models import create
from signbit.train import load_recipe, train
from signbit.train._teacher import Teacher, teacher_of

PIXELS = Preprocessing([1 / 128], [-1.0], (8, 8), list("0123456789"))
CPU = torch.device("cpu")
OPTIONS = {"width": 4}


def recipe(**distillation):
    return load_recipe("digits", {"distillation": distillation})


def test_a_teacher_is_in_eval_mode_and_gives_no_gradient():
    module = create("digits_binary", **OPTIONS).train()
    teacher = Teacher(module, logit_scale=3)
    teacher.to(torch.device("cpu"))
    inputs = torch.randn(4, 1, 8, 8)
    logits = teacher(inputs)
    assert not logits.requires_grad
    torch.testing.assert_close(logits, 3 * module(inputs).detach())
    assert not module.training


@pytest.mark.parametrize(
    ("settings", "given", "message"),
    [
        ({}, None, "neither is given"),
        ({"teacher": "run"}, nn.Identity(), "both are given"),
        (None, nn.Identity(), "has no `distillation`"),
    ],
)
def test_one_teacher_and_no_more_where_the_recipe_wants_one(settings, given, message):
    chosen = load_recipe("digits") if settings is None else recipe(**settings)
    with pytest.raises(UsageError, match=message):
        teacher_of(chosen, given, PIXELS, CPU)


def test_without_distillation_there_is_no_teacher():
    assert teacher_of(load_recipe("digits"), None, PIXELS, CPU) is None


def test_a_trained_run_teaches_with_the_scale_it_was_trained_with(tiny_run):
    changes = {"epochs": 1, "model": OPTIONS, "loss": {"logit_scale": 4}}
    train(replace(tiny_run, recipe=load_recipe("digits", changes)))
    teacher = teacher_of(recipe(teacher=str(tiny_run.folder)), None, PIXELS, CPU)
    assert teacher is not None
    assert teacher.logit_scale == 4


def test_a_teacher_with_other_input_is_an_error(tiny_run):
    changes = {"epochs": 1, "model": OPTIONS, "input": {"scale": 1 / 64}}
    train(replace(tiny_run, recipe=load_recipe("digits", changes)))
    with pytest.raises(UsageError, match="train both on the same data set with the same `input`"):
        teacher_of(recipe(teacher=str(tiny_run.folder)), None, PIXELS, CPU)


class _Pair(nn.Module):
    def forward(self, x):
        return x, x


def test_a_bfloat16_module_can_teach_under_autocast():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).bfloat16()
    chosen = recipe().model_copy(update={"precision": "bfloat16"})
    assert teacher_of(chosen, module, PIXELS, CPU) is not None


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(5, 10), r"^the teacher does not accept input of shape \(2, 1, 8, 8\): mat"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 1)), r"returns \(2, 1\) for two images"),
        (nn.Identity(), r"returns \(2, 1, 8, 8\) for .*; it must return scores of shape \(2, 10\)"),
        (
            nn.BatchNorm1d(1),
            r"^the teacher does not accept input of shape \(2, 1, 8, 8\): expected",
        ),
        (_Pair(), r"^the teacher returns tuple for two images"),
    ],
)
def test_a_module_that_does_not_fit_is_refused(module, message):
    with pytest.raises(UsageError, match=message):
        teacher_of(recipe(), module, PIXELS, CPU)


def test_a_missing_teacher_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="none"):
        teacher_of(recipe(teacher=str(tmp_path / "none")), None, PIXELS, CPU)
