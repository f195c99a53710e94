"""What a run cannot start with, and what stops it."""

from dataclasses import replace

import pytest
import torch
from helpers.runs import rows_of, weights
from torch import nn

from signbit.errors import OutputError, SignbitError, TrainingError, UsageError
from signbit.models import models
from signbit.train import load_recipe, resume, train
from signbit.train._module import TrainingModule


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tiny_run, monkeypatch):
    step = TrainingModule.training_step

    def exploding(self, batch, batch_index):
        factor = torch.inf if (self.current_epoch, batch_index) == (1, 4) else 1.0
        return step(self, batch, batch_index) * factor

    monkeypatch.setattr(TrainingModule, "training_step", exploding)
    with pytest.raises(TrainingError, match=r"not finite in epoch 2, step 5 of 20"):
        train(tiny_run)
    assert len(rows_of(tiny_run)) == 1
    for tensor in weights(tiny_run).values():
        assert tensor.to(torch.float32).isfinite().all()


def test_a_latent_weight_that_is_not_a_number_stops_the_run(tiny_run, monkeypatch):
    """Its sign is -1, so that the loss stays finite."""
    step = TrainingModule._step

    def spoiling(self, loss, number):
        step(self, loss, number)
        if self.current_epoch == 1:
            with torch.no_grad():
                self.model.features[0].weight[0] = torch.nan

    monkeypatch.setattr(TrainingModule, "_step", spoiling)
    with pytest.raises(TrainingError, match=r"features\.0\.weight is not finite after epoch 2"):
        train(tiny_run)
    monkeypatch.undo()
    assert len(rows_of(tiny_run)) == 1
    assert resume(tiny_run.folder)["epoch"] == 3


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_full_memory_says_the_way_out(tiny_run, monkeypatch, device):
    def filling(self, batch, batch_index):
        if device == "cpu":
            torch.empty(2**50)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore lines")

    monkeypatch.setattr(TrainingModule, "training_step", filling)
    with pytest.raises(
        TrainingError, match=r"^there is too little memory: .*; train with a batch_size below 64$"
    ):
        train(tiny_run)


# Torch's compiler warns of its own use of deprecated calls.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiler_that_fails_says_the_way_out(tiny_run, monkeypatch):
    class CompilerError(RuntimeError):
        """As those of torch are told from others: by the module that has them."""

        __module__ = "torch._inductor.exc"
        inner_exception: Exception

    def failing(self, batch, batch_index):
        error = CompilerError("backend='inductor' raised:")
        error.inner_exception = RuntimeError("no compiler\nMore lines")
        raise error

    monkeypatch.setattr(TrainingModule, "training_step", failing)
    with pytest.raises(CompilerError):
        train(tiny_run)
    recipe = tiny_run.recipe.model_copy(update={"compile": True})
    compiled = replace(tiny_run, recipe=recipe, folder=tiny_run.folder.with_name("compiled"))
    with pytest.raises(TrainingError, match=r"^torch.compile failed: no compiler; install"):
        train(compiled)


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
        ({"weight_quantizer": 3}, "cannot be built|the quantizer is of type int; give a name"),
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
    with pytest.raises(
        UsageError, match=r"model\.num_classes is 7, but the data set 'digits' has 10"
    ):
        train(replace(tiny_run, recipe=recipe))
    assert not tiny_run.folder.exists()


def test_unknown_model_leaves_no_folder(tiny_run):
    with pytest.raises(UsageError, match="unknown model"):
        train(replace(tiny_run, model="nope"))
    assert not tiny_run.folder.exists()


def test_cuda_without_a_device_is_an_error(tiny_run, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="not available on this machine"):
        train(replace(tiny_run, device="cuda"))


class Raises(nn.Module):
    """Of a type that nobody thought of."""

    def forward(self, x):
        raise TypeError("no\nreason")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: nn.Linear(64, 7), "it names 10 classes, but the model scores 7"),
        (
            lambda: nn.Unflatten(1, (8, 8)),
            r"returns shape 1x8x8; it must return scores of shape \(N, classes\)",
        ),
        (lambda: nn.LSTM(64, 10), "the model returns tuple; it must return scores of shape"),
        (Raises, "the model does not accept images of 8x8 with 1 channels: no$"),
    ],
)
def test_a_model_without_one_score_a_class_is_refused_before_the_first_epoch(
    tiny_run, monkeypatch, layer, message
):
    monkeypatch.setitem(models._entries, "other", lambda: nn.Sequential(nn.Flatten(), layer()))
    with pytest.raises(UsageError, match=message):
        train(replace(tiny_run, model="other", recipe=load_recipe("digits")))
    assert not tiny_run.folder.exists()


@pytest.mark.parametrize("imports", ["my_project.models", ("my_project/models.py",), (1,)])
def test_imports_of_a_run_are_names_of_modules(tiny_run, imports):
    with pytest.raises(UsageError, match=r"^imports: .*: give names of modules, such as my_proj"):
        replace(tiny_run, imports=imports)
