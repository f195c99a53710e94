"""A module of a user's own learns from a teacher, with every loss."""

import copy

import pytest
import torch
from helpers.own_task import CLASSES, FEATURES, arrays, network, recipe
from torch import nn
from torch.nn import functional as F

from signbit.errors import UsageError
from signbit.train import Recipe, load_recipe, train
from signbit.train._run import Run
from signbit.train.losses import losses

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())
NUMBERS = INPUTS[:, :CLASSES]
OTHERS = {"mse": NUMBERS, "l1": NUMBERS, "bce_with_logits": (NUMBERS > 0).float()}


def one_step(module, out, settings, **options):
    """One step of plain SGD with all samples, at a learning rate of 1."""
    fixed = {
        "epochs": 1,
        "batch_size": len(INPUTS),
        "optimizer": {"name": "sgd", "lr": 1.0},
        "schedule": {"name": "steps", "lr_at_epoch": {9: 1.0}},
        "latent_clip": None,
        "val_size": 0,
    }
    chosen = Recipe.model_validate(fixed | settings)
    train(module, out=out, recipe=chosen, **options)


def assert_one_step_away(module, wanted):
    for ours, theirs in zip(module.parameters(), wanted.parameters(), strict=True):
        assert theirs.grad is not None
        assert theirs.grad.abs().sum() > 0
        torch.testing.assert_close(ours, theirs - theirs.grad)


@pytest.mark.parametrize("name", losses.names())
def test_each_loss_teaches_by_its_distance(name, tmp_path):
    module, teacher = nn.Linear(FEATURES, CLASSES), nn.Linear(FEATURES, CLASSES)
    wanted, targets, loss = copy.deepcopy(module), OTHERS.get(name, TARGETS), losses.build(name, {})
    temperature = 3.0 if loss.softened else 1.0
    with torch.no_grad():
        taught = teacher(INPUTS)
    outputs = wanted(INPUTS)
    distance = temperature**2 * loss.distance(outputs, taught, targets, temperature)
    (0.75 * loss(outputs, targets) + 0.25 * distance).backward()
    one_step(
        module,
        tmp_path / "run",
        {"distillation": {"weight": 0.25, "temperature": temperature}},
        train_data=(INPUTS, targets),
        loss=name,
        metrics=[],
        teacher=teacher,
    )
    assert_one_step_away(module, wanted)


class Two(nn.Module):
    """Classes and a number."""

    def __init__(self, as_dict=True):
        super().__init__()
        self.one, self.other, self.as_dict = nn.Linear(FEATURES, 3), nn.Linear(FEATURES, 1), as_dict

    def forward(self, x):
        one, other = self.one(x), self.other(x)[:, 0]
        return {"classes": one, "number": other} if self.as_dict else (one, other)


def parts(outputs):
    return tuple(outputs.values()) if isinstance(outputs, dict) else outputs


def loss_of_two(outputs, targets):
    one, other = parts(outputs)
    return F.cross_entropy(one, targets["classes"]) + F.mse_loss(other, targets["number"])


def distance_of_two(outputs, taught):
    (one, other), (told, number) = parts(outputs), parts(taught)
    return F.mse_loss(one, told) + F.l1_loss(other, number)


@pytest.mark.parametrize("as_dict", [True, False])
def test_outputs_of_any_structure_are_taught_by_a_distance_of_ones_own(as_dict, tmp_path):
    module, teacher = Two(as_dict), Two(as_dict)
    wanted = copy.deepcopy(module)
    with torch.no_grad():
        taught = teacher(INPUTS)
    outputs = wanted(INPUTS)
    targets = {"classes": TARGETS, "number": INPUTS[:, 1]}
    value = 0.5 * loss_of_two(outputs, targets) + 0.5 * distance_of_two(outputs, taught)
    value.backward()
    one_step(
        module,
        tmp_path / "run",
        {"distillation": {}},
        train_data=(INPUTS, targets),
        loss=loss_of_two,
        teacher=teacher,
        distance=distance_of_two,
    )
    assert_one_step_away(module, wanted)


def own_run(tmp_path):
    train(network(), (INPUTS, TARGETS), None, recipe(epochs=1), out=tmp_path / "other")
    return str(tmp_path / "other")


MODULE = network()
TAUGHT = {"recipe": recipe(distillation={}), "teacher": network(seed=1)}
CASES = {
    "own loss": (
        {"loss": F.cross_entropy},
        "a loss of your own has no distance from a teacher; give train() distance=FUNCTION of",
    ),
    "temperature": (
        {
            "loss": "mse",
            "train_data": (INPUTS, INPUTS[:, :3]),
            "recipe": recipe(distillation={"temperature": 4}),
        },
        "distillation.temperature is 4, but Mse has no probabilities to soften; set",
    ),
    "temperature of a distance": (
        {"distance": F.mse_loss, "recipe": recipe(distillation={"temperature": 2})},
        "distillation.temperature is 2, but a distance of your own has no probabilities",
    ),
    "distance": ({"distance": "mse"}, "distance is str; give a function of the outputs and of"),
    "distance of each": (
        {"distance": lambda ours, taught: (ours - taught).abs()},
        "the distance from the teacher returns torch.float32 (32, 3); it must return a scalar",
    ),
    "distance that raises": (
        {"distance": lambda ours, taught: ours["a"]},
        "the distance from the teacher does not accept the outputs and the teacher's outputs: ",
    ),
    "distance without a gradient": (
        {"distance": lambda ours, taught: F.mse_loss(ours.detach(), taught)},
        "no gradient flows from the distance from the teacher to a parameter",
    ),
    "distance without distillation": (
        {"distance": F.mse_loss, "recipe": recipe(), "teacher": None},
        "a distance is given, but the recipe has no `distillation`",
    ),
    "the module itself": (
        {"module": MODULE, "teacher": MODULE},
        "the teacher shares parameters with the module to be trained; give a copy",
    ),
    "a part of the module": (
        {"module": MODULE, "teacher": nn.Sequential(*MODULE)},
        "the teacher shares parameters with the module to be trained; give a copy",
    ),
    "input of the teacher": (
        {"teacher": nn.Linear(5, 3)},
        "the teacher does not accept a batch of torch.float32 (32, 6): RuntimeError: mat1",
    ),
    "NaN": (
        {"teacher": nn.Sequential(nn.Linear(FEATURES, 3), nn.Threshold(torch.inf, torch.nan))},
        "the teacher returns NaN or infinity for the first batch",
    ),
    "a run of a named model": (
        {"recipe": recipe(distillation={"teacher": "runs/one"}), "teacher": None},
        "distillation.teacher names 'runs/one', but signbit cannot know whether it was trained on "
        "inputs like yours; set distillation.teacher=null, and give train() teacher="
        "signbit.models.load_model('runs/one').module",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_teach_is_refused_in_one_line(case, tmp_path):
    changes, message = CASES[case]
    wanted = {"module": network(), "train_data": (INPUTS, TARGETS), "out": tmp_path / "run"}
    with pytest.raises(UsageError) as caught:
        train(**(wanted | TAUGHT | changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_run_of_ones_own_is_loaded_to_teach(tmp_path):
    path = own_run(tmp_path)
    settings = recipe(distillation={"teacher": path})
    with pytest.raises(
        UsageError, match=r"teacher=signbit\.train\.load_weights\(MODULE, '.*other'"
    ):
        train(network(), (INPUTS, TARGETS), None, settings, out=tmp_path / "run")


def test_a_named_run_has_a_distance_of_its_own(tmp_path):
    run = Run(load_recipe("digits"), "digits_binary", "digits", tmp_path / "run")
    with pytest.raises(UsageError, match="a Run contains its data and its folder"):
        train(run, distance=F.mse_loss)  # pyright: ignore


def test_a_run_goes_on_only_with_the_distance_it_was_started_with(tmp_path):
    settings = recipe(epochs=1, distillation={})
    given = {"train_data": (INPUTS, TARGETS), "recipe": settings, "out": tmp_path / "run"}
    train(network(), **given, teacher=network(seed=1), distance=F.mse_loss)
    with pytest.raises(UsageError, match=r"distance 'torch\.nn\.functional\.mse_loss', now None"):
        train(network(), **given, teacher=network(seed=1), resume=True)
