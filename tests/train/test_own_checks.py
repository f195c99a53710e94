"""What does not fit is one line before the first epoch, and nothing is written."""

import numpy as np
import pytest
import torch
import torchmetrics
from helpers.own_task import FEATURES, arrays, network, recipe
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from signbit.errors import UsageError
from signbit.train import load_recipe, train
from signbit.train._run import Run

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())
WITH_NAN = INPUTS.clone()
WITH_NAN[90, 2] = torch.nan
TOO_HIGH = TARGETS.clone()
TOO_HIGH[90] = 3


class Endless(IterableDataset):
    def __iter__(self):
        yield INPUTS[0], TARGETS[0]


def frozen():
    return network().requires_grad_(False)


def refused(out, **changes):
    """The message of a run that is refused."""
    wanted = {"module": network(), "train_data": (INPUTS, TARGETS), "recipe": recipe()}
    with pytest.raises(UsageError) as caught:
        train(**(wanted | changes), out=out)
    assert not out.exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


CASES = {
    "not a module": (
        {"module": "resnet18"},
        "the first argument of train() is str; give an nn.Module",
    ),
    "module": (
        {"module": nn.Linear(3, 3)},
        "the module does not accept a batch of torch.float32 (32, 6): RuntimeError: mat1",
    ),
    "frozen": ({"module": frozen()}, "no gradient flows from the loss to a parameter"),
    "loss name": ({"loss": "bce"}, "unknown loss 'bce'; known: bce_with_logits, cross_entropy"),
    "loss type": ({"loss": 3}, "loss is int; give a name (bce_with_logits, "),
    "loss of one's own": (
        {"loss": lambda outputs, targets: outputs @ targets},
        "the loss does not accept outputs and targets: RuntimeError: ",
    ),
    "loss of each sample": (
        {"loss": nn.CrossEntropyLoss(reduction="none")},
        "the loss returns torch.float32 (32,); it must return a scalar",
    ),
    "settings of a loss": (
        {"loss": nn.CrossEntropyLoss(), "recipe": recipe(loss={"logit_scale": 2})},
        "its `loss` sets `logit_scale`, which the loss of this run does not have. Override these "
        'fields: recipe=load_recipe(..., {"loss": None})',
    ),
    "option of a loss": (
        {"loss": "mse", "recipe": recipe(loss={"logit_scale": 2})},
        "its `loss` sets `logit_scale`, which the loss of this run does not have",
    ),
    "shape": (
        {"loss": "mse"},
        "targets have shape (32,), but outputs have shape (32, 3)",
    ),
    "class": ({"train_data": (INPUTS, TOO_HIGH)}, "a target is the class 3, but the outputs score"),
    "class of validation": ({"val_data": (INPUTS, TOO_HIGH)}, "a target is the class 3"),
    "NaN": ({"train_data": (WITH_NAN, TARGETS)}, "the inputs of train_data hold NaN"),
    "infinity": (
        {"train_data": (INPUTS.clone().fill_(torch.inf), TARGETS)},
        "the inputs of the first batch hold infinity",
    ),
    "infinity in a target": (
        {
            "loss": "mse",
            "module": network(FEATURES),
            "train_data": (INPUTS, INPUTS.masked_fill(WITH_NAN.isnan(), -torch.inf)),
        },
        "train_data: a target is infinite",
    ),
    "several labels": (
        {"train_data": (INPUTS, torch.ones(len(INPUTS), 3))},
        "the shares of classes in a target add up to 3; cross_entropy needs a sum of 1. For",
    ),
    "lazy": (
        {"module": nn.LazyLinear(3)},
        "the parameter 'weight' has no shape before the first call of the module",
    ),
    "other type of validation": (
        {"val_data": (INPUTS.to(torch.uint8), TARGETS)},
        "val_data: its inputs are torch.uint8 with 2 axes, but those of train_data are "
        "torch.float32 with 2 axes; give both the same transform",
    ),
    "several inputs of validation": (
        {"val_data": ((INPUTS, INPUTS), TARGETS)},
        "val_data: its inputs are (torch.float32 with 2 axes, torch.float32 with 2 axes), but",
    ),
    "other size of validation": (
        {"val_data": (INPUTS[:, :5], TARGETS)},
        "val_data: the module does not accept a batch of torch.float32 (32, 5): UsageError: Bin",
    ),
    "other targets of validation": (
        {"val_data": (INPUTS, TARGETS.float())},
        "val_data: targets are torch.float32 of shape (32,), and outputs have shape (32, 3); cross",
    ),
    "metric of validation": (
        {"val_data": (INPUTS, nn.functional.one_hot(TARGETS, 3).float()), "metrics": ["accuracy"]},
        "val_data: metric 'accuracy' does not accept outputs and targets",
    ),
    "loss of validation": (
        {"val_data": (INPUTS, TARGETS[:, None]), "loss": nn.CrossEntropyLoss()},
        "val_data: the loss does not accept outputs and targets: RuntimeError",
    ),
    "NaN of validation": ({"val_data": (WITH_NAN, TARGETS)}, "the inputs of val_data hold NaN"),
    "NaN in a target": (
        {"loss": "mse", "module": network(FEATURES), "train_data": (INPUTS, WITH_NAN)},
        "the targets of train_data hold NaN",
    ),
    "metric name": ({"metrics": "iou"}, "unknown metric 'iou'; known: accuracy, "),
    "metric type": ({"metrics": {"a": nn.Identity()}}, "metric 'a' is Identity; give a name"),
    "metric of numbers": ({"metrics": "r2"}, "metric 'r2' needs outputs and targets of the same"),
    "metric of another's": (
        {"metrics": torchmetrics.MeanSquaredError()},
        "metric 'MeanSquaredError' does not accept outputs and targets: ",
    ),
    "metric of classes": (
        {"metrics": MulticlassAccuracy(3, average="none")},
        "metric 'MulticlassAccuracy' returns (3,); it must return a single number",
    ),
    "metric called loss": (
        {"metrics": {"loss": "accuracy"}},
        "a metric cannot have the name 'loss'",
    ),
    "metrics of one name": (
        {"metrics": ["accuracy", "accuracy"]},
        "two metrics have the name 'accuracy'; give a dict with a name for each",
    ),
    "one array": ({"train_data": INPUTS}, "train_data is a single array; give a pair of arrays"),
    "no data": ({"train_data": 5}, "train_data is int, without items or a length; give a pair"),
    "rows": ({"train_data": (INPUTS, TARGETS[:9])}, "the arrays of train_data have 9, 96 rows"),
    "no rows": (
        {"train_data": (INPUTS[:0], TARGETS[:0])},
        "train_data has no samples; give at least one",
    ),
    "list of numbers": (
        {"train_data": (INPUTS, TARGETS.tolist())},
        "the targets of train_data are list; give a pair of arrays",
    ),
    "texts": (
        {"train_data": (INPUTS.numpy(), np.array(["a"] * len(INPUTS)))},
        "an array of <U1 cannot become a tensor",
    ),
    "three parts": (
        {"train_data": TensorDataset(INPUTS, INPUTS, TARGETS)},
        "a sample or batch is a tuple of 3 parts; give a pair (input, target)",
    ),
    "items that do not join": (
        {"train_data": [(object(), 1)] * 20},
        "the items of the data set do not form a batch: the input of item 0 is object; give the",
    ),
    "loader without a length": (
        {"train_data": DataLoader(Endless(), 2), "recipe": recipe(val_size=0)},
        "the number of batches is unknown",
    ),
    "loader without val_data": (
        {"train_data": DataLoader(TensorDataset(INPUTS, TARGETS), 32)},
        "val_size is 0.1, but no samples of a DataLoader can be held out; give val_data, or set",
    ),
    "workers of a loader": (
        {
            "train_data": DataLoader(TensorDataset(INPUTS, TARGETS), 32),
            "recipe": recipe(val_size=0),
            "workers": 2,
        },
        "workers is 2, but train_data is a loader, which has its own workers",
    ),
    "augmentation": (
        {"recipe": load_recipe("quick")},
        "its `augmentation` acts only on named models and their pictures. Override these fields: "
        'recipe=load_recipe(..., {"augmentation": None})',
    ),
    "teacher": ({"teacher": network()}, "the recipe has no `distillation`; set"),
    "no teacher": (
        {"recipe": recipe(distillation={})},
        "its `distillation` needs a module as `teacher` of train(). Override these fields: "
        'recipe=load_recipe(..., {"distillation": None})',
    ),
    "teacher of other classes": (
        {"recipe": recipe(distillation={}), "teacher": network(4)},
        "the teacher returns (32, 4), but the module returns (32, 3); give a teacher with",
    ),
    "device": ({"device": "tpu"}, "unknown device 'tpu'; known: cpu, cuda."),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused_in_one_line(case, tmp_path):
    changes, message = CASES[case]
    assert message in refused(tmp_path / "run", **changes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TensorDataset(WITH_NAN, TARGETS), "the inputs of item 90 of the data set hold NaN"),
        (TensorDataset(INPUTS, TOO_HIGH), "item 90 of the data set: a target is the class 3, but"),
        (DataLoader(TensorDataset(INPUTS, TOO_HIGH), 32), "batch 3: a target is the class 3, but"),
        (DataLoader(TensorDataset(WITH_NAN, TARGETS), 32), "the inputs of batch 3 hold NaN"),
    ],
)
def test_samples_are_looked_at_when_they_are_read(data, message, tmp_path):
    settings = recipe(val_size=0)
    with pytest.raises(UsageError, match=message):
        train(network(), data, None, settings, out=tmp_path / "run")


def test_a_run_by_names_takes_no_data(tmp_path):
    run = Run(load_recipe("digits"), "digits_binary", "digits", tmp_path / "run")
    with pytest.raises(UsageError, match="a Run contains its data and its folder"):
        train(run, (INPUTS, TARGETS))  # pyright: ignore


@pytest.mark.parametrize(
    ("given", "missing"), [({"out": "run"}, "train_data"), ({"train_data": 1}, "out")]
)
def test_a_module_needs_data_and_a_folder(given, missing):
    with pytest.raises(
        UsageError, match=rf"^train\(\) needs {missing} to train a module; give {missing}="
    ):
        train(network(), **given)


def test_looking_changes_neither_the_module_nor_random_numbers(tmp_path):
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    refused(tmp_path / "run", module=module, metrics="r2")
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


def test_null_clears_what_acts_on_pictures():
    cleared = load_recipe("best", {"augmentation": None, "loss": None, "model": None})
    assert not cleared.augmentation.flip
    assert cleared.loss.logit_scale == 1
