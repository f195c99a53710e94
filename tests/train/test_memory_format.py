"""Networks run in channels_last where they accept it, and in contiguous memory otherwise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.models import small, small_size
from helpers.runs import assert_same_end
from torch import nn

from signbit.data import load
from signbit.errors import TrainingInterruptedError
from signbit.format import Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.models import load_model, models, to_input
from signbit.quantizers import quantizers
from signbit.scoring import evaluate
from signbit.train import load_recipe, resume, train
from signbit.train._memory_format import fastest_format, noise
from signbit.train._module import TrainingModule
from signbit.train._teacher import Teacher

CPU = torch.device("cpu")
RECIPE = load_recipe("digits")
LAST, CONTIGUOUS = torch.channels_last, torch.contiguous_format


def preprocessing(channels, size=(8, 8)):
    return Preprocessing([1 / 128] * channels, [-1.0] * channels, size, list("0123456789"))


class LearningNotes(nn.Module):
    """A network as in notes on learning: blocks in place, a flatten by `view`, no dimensions."""

    def __init__(self, num_classes=10, in_channels=1, dim=None, flatten="view"):
        super().__init__()
        self.flatten = flatten
        self.features = nn.Sequential(
            BinaryConv2d(in_channels, 8, 3, padding=1, input_quantizer=None, bias=False),
            nn.BatchNorm2d(8),
            nn.Hardtanh(inplace=True),
            BinaryConv2d(8, 16, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(16),
            nn.Hardtanh(inplace=True),
        )
        self.classifier = nn.Sequential(
            BinaryLinear(16 * 4 * 4, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.Hardtanh(inplace=True),
            BinaryLinear(32, num_classes, bias=False),
            nn.BatchNorm1d(num_classes),
            nn.LogSoftmax(dim=dim),
        )

    def forward(self, x):
        x = self.features(x)
        x = x.flatten(1) if self.flatten == "flatten" else x.view(-1, 16 * 4 * 4)
        return self.classifier(x)


class IgnoresStrides(nn.Module):
    """Reads memory as if it were contiguous, as a kernel of one's own may."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        x = self.conv(x)
        return x.as_strided((len(x), 10), (x[0].numel(), 1))


class RaisesBackwards(nn.Module):
    """Its gradient alone needs contiguous memory."""

    def __init__(self):
        super().__init__()
        self.conv, self.more = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x):
        x = self.conv(x)
        if x.requires_grad:
            x.register_hook(lambda gradient: gradient.view(-1).view(gradient.shape))
        return self.more(x).flatten(1)


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize(
    ("module", "expected", "reason"),
    [
        (LearningNotes(flatten="flatten"), LAST, ""),
        (LearningNotes(flatten="flatten", in_channels=3), LAST, ""),
        (LearningNotes(), CONTIGUOUS, "RuntimeError: view size is not compatible"),
        (LearningNotes(in_channels=3), CONTIGUOUS, "RuntimeError: view size is not compatible"),
        (IgnoresStrides(), CONTIGUOUS, "the outputs differ"),
        (RaisesBackwards(), CONTIGUOUS, "RuntimeError: view size is not compatible"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), CONTIGUOUS, ""),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Dropout(), nn.Flatten()), LAST, ""),
        (nn.Conv2d(5, 4, 3), CONTIGUOUS, "RuntimeError: Given groups=1"),
    ],
)
def test_a_network_runs_in_the_fastest_layout_that_it_accepts(module, expected, reason, capsys):
    before = {key: value.clone() for key, value in module.state_dict().items()}
    random = torch.get_rng_state()
    channels = 3 if next(module.parameters()).shape[1] == 3 else 1
    assert (
        fastest_format("it", module, noise(preprocessing(channels), CPU), CPU, RECIPE) == expected
    )
    noted = capsys.readouterr().err
    assert noted.count("\n") == bool(reason)
    assert reason in noted
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert module.training


@pytest.mark.parametrize("name", models.names())
def test_every_model_of_the_package_runs_in_the_fastest_layout(name, capsys):
    size = small_size(name)
    module = small(name, num_classes=10, in_channels=3, input_size=size)
    convolves = any(isinstance(layer, nn.Conv2d) for layer in module.modules())
    expected = LAST if convolves else CONTIGUOUS
    images = noise(preprocessing(3, size), CPU)
    assert fastest_format("it", module, images, CPU, RECIPE) == expected
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", quantizers.names())
def test_every_quantizer_of_the_package_runs_in_the_fastest_layout(name):
    kind = "weight_quantizer" if quantizers.get(name).for_weights else "input_quantizer"
    module = nn.Sequential(BinaryConv2d(3, 4, 3, **{kind: name}), nn.Flatten())
    assert fastest_format("it", module, noise(preprocessing(3), CPU), CPU, RECIPE) == LAST


def test_only_a_network_that_learns_goes_backward():
    assert fastest_format("it", RaisesBackwards(), noise(preprocessing(1), CPU), CPU) == LAST


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("layout", [LAST, CONTIGUOUS])
def test_input_has_the_strides_of_its_layout_even_with_one_channel(channels, layout):
    pixels = torch.randint(256, (2, 4, 5, channels), dtype=torch.uint8)
    inputs = to_input(pixels, preprocessing(channels), layout)
    assert (
        inputs.stride()
        == {
            LAST: (20 * channels, 1, 5 * channels, channels),
            CONTIGUOUS: (20 * channels, 20, 5, 1),
        }[layout]
    )
    assert torch.equal(inputs, to_input(pixels, preprocessing(channels)))


def test_a_teacher_runs_in_its_own_layout():
    teacher, seen = Teacher(nn.Identity()), []
    teacher.module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].stride()))
    pixels = torch.randint(256, (2, 4, 5, 1), dtype=torch.uint8)
    teacher(to_input(pixels, preprocessing(1), LAST))
    assert seen == [(20, 20, 5, 1)]


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("dim", [None, 1])
def test_a_network_as_in_learning_notes_trains_teaches_and_loads(
    tiny_run, monkeypatch, capsys, dim
):
    monkeypatch.setitem(models._entries, "learning_notes", LearningNotes)
    settings = {"epochs": 3, "averaging": {"decay": 0.9}, "distillation": {}, "model": {"dim": dim}}
    run = replace(tiny_run, recipe=load_recipe("digits", settings), model="learning_notes")
    torch.manual_seed(0)  # a random teacher
    assert train(run, teacher=LearningNotes())["val_accuracy"] > 0.5
    noted = capsys.readouterr().err
    for name in ("network", "teacher"):
        assert noted.count(f"the {name} runs in contiguous memory, because channels_last") == 1
    trained, held_out = load_model(run.folder), load("digits", "test")
    top1 = evaluate(trained, held_out).figures.top1
    assert top1 is not None
    assert top1 > 0.5
    assert np.isfinite(trained.scores(held_out.images[:1])).all()


def test_a_network_in_contiguous_memory_resumes_to_the_same_end(tiny_run, monkeypatch):
    monkeypatch.setitem(models._entries, "learning_notes", LearningNotes)
    recipe = load_recipe("digits", {"epochs": 2, "model": {"dim": 1}})
    whole = replace(tiny_run, recipe=recipe, model="learning_notes")
    train(whole)
    cut = replace(whole, folder=tiny_run.folder.with_name("cut"))
    step = TrainingModule.training_step

    def stopping(self, batch, batch_index):
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_index)

    monkeypatch.setattr(TrainingModule, "training_step", stopping)
    with pytest.raises(TrainingInterruptedError):
        train(cut)
    monkeypatch.setattr(TrainingModule, "training_step", step)
    resume(cut.folder)
    assert_same_end(whole, cut)
