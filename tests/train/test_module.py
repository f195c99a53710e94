from copy import deepcopy

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from signbit.format import Preprocessing
from signbit.models import create, to_input
from signbit.quantizers import AbstractQuantizer
from signbit.train import load_recipe, train
from signbit.train._augment import augment
from signbit.train._module import TrainingModule
from signbit.train._teacher import Teacher

# Each hands a value, or a shape that depends on values, from the device to the host.
WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal", "item"}
EVERYTHING = {
    "optimizer": {"name": "sgd", "lr": 0.1, "latent_weight_decay": 0.1},
    "augmentation": {"crop_padding": 2, "crop_border": "reflect", "cutout": 2},
    "loss": {"label_smoothing": 0.1, "logit_scale": 2},
    "distillation": {"temperature": 2},
    "averaging": {"decay": 0.9},
}


class Waits(TorchDispatchMode):
    """Notes the operations that would wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        by_mask = name == "index" and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        if name in WAITING or by_mask:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


def classifier(**overrides):
    recipe = load_recipe("digits", EVERYTHING | {"epochs": 2} | overrides)
    options = {"width": 4, "in_channels": 1, "input_size": (8, 8)}
    teacher = Teacher(create("digits_binary", **options).eval())
    model = TrainingModule(create("digits_binary", **options), recipe, 10, teacher)
    model.configure_optimizers()
    return model


@pytest.mark.parametrize("latent", [None, {"name": "bop"}])
def test_no_step_waits_for_the_device(latent, monkeypatch):
    overrides = {}
    if latent:
        overrides = {"latent_optimizer": latent, "optimizer": {"name": "sgd", "lr": 0.1}}
    model = classifier(**overrides)
    monkeypatch.setattr(type(model), "current_epoch", 0)
    recipe = model.recipe
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(8)
    mirrored = torch.zeros(8, dtype=torch.bool)
    pixels = torch.randint(256, (8, 8, 8, 1), dtype=torch.uint8)
    preprocessing = Preprocessing([1 / 128], [-1.0], (8, 8))
    with Waits() as waits:
        inputs = to_input(augment(pixels, recipe.augmentation, generator, mirrored), preprocessing)
        model.training_step((inputs, labels), 0)
        assert model.average is not None
        model.average.measure(model.model, [inputs])
    assert waits.found == []
    with Waits() as waits:
        float(inputs.sum())
    assert waits.found == ["_local_scalar_dense"]


def test_rates_of_all_optimizers_follow_the_schedule_and_the_step(monkeypatch):
    model = classifier(
        optimizer={"name": "adam", "lr": 0.1},
        latent_optimizer={"name": "bop", "lr": 0.01},
        schedule={"name": "steps", "lr_at_epoch": {1: 0.02}},
    )
    batch = torch.randn(8, 1, 8, 8), torch.arange(8)
    rates = []
    for epoch in (0, 1):
        monkeypatch.setattr(type(model), "current_epoch", epoch)
        model.training_step(batch, 3)
        rates.append([group["lr"] for group in model._groups()])
    # Of the first optimizer only batch norms and biases are left.
    assert rates[0] == pytest.approx([0.1, 0.01])
    assert rates[1] == pytest.approx([rate / 5 for rate in rates[0]])


def test_in_bfloat16_loss_and_optimizer_state_stay_float32(monkeypatch):
    model = classifier(precision="bfloat16")
    monkeypatch.setattr(type(model), "current_epoch", 0)
    loss = model.training_step((torch.randn(8, 1, 8, 8), torch.arange(8)), 0)
    assert loss.dtype == torch.float32
    for optimizer in model._optimizers:
        for state in optimizer.state.values():
            assert state["momentum_buffer"].dtype == torch.float32


def test_a_step_has_the_loss_of_labels_and_teacher(monkeypatch):
    model = classifier()
    monkeypatch.setattr(type(model), "current_epoch", 0)
    inputs, labels = torch.randn(8, 1, 8, 8), torch.arange(8)
    assert model._teacher is not None
    outputs, taught = deepcopy(model.model)(inputs), model._teacher(inputs)
    expected = model.objective.training_loss(outputs, labels, taught)
    alone = model.objective.training_loss(outputs, labels)
    loss = model.training_step((inputs, labels), 0)
    torch.testing.assert_close(loss, expected)
    assert not torch.isclose(loss, alone)


def test_quantizers_hear_of_the_progress(tiny_run, monkeypatch):
    heard = []
    monkeypatch.setattr(
        AbstractQuantizer, "set_progress", lambda self, progress: heard.append(progress)
    )
    train(tiny_run)
    assert sorted(set(heard)) == [0, 0.5, 1]
