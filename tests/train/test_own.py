"""Modules, data, losses and metrics of a user's own train as a plain loop does."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.own_task import CLASSES, FEATURES, arrays, network, recipe
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

from signbit.layers import clip_latent_weights
from signbit.train import load_weights, read_metrics, train
from signbit.train._epoch_data import epoch_seed

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())


def plain_loop(module, batches_of, settings, loss=F.cross_entropy, average=None):
    """What a run does, written out for the recipe `plain`: Adam, a cosine with warm-up, a clip.

    Weights of convolutions and linear layers may decay, so the parameters have two groups; `plain`
    has no decay.
    """
    optimizer = torch.optim.AdamW(module.parameters(), settings.optimizer.lr, weight_decay=0)
    epochs, warmup = settings.epochs, settings.schedule.warmup_epochs
    losses = []
    for epoch in range(epochs):
        torch.manual_seed(epoch_seed(settings.seed, epoch, "forward"))
        batches, total, count = batches_of(epoch), 0.0, 0
        for number, (inputs, targets) in enumerate(batches):
            time = epoch + number / len(batches)
            share = (time - warmup) / (epochs - warmup)
            rate = time / warmup if time < warmup else (1 + np.cos(np.pi * share)) / 2
            optimizer.param_groups[0]["lr"] = settings.optimizer.lr * rate
            value = loss(module(inputs), targets)
            value.backward()
            optimizer.step()
            optimizer.zero_grad()
            clip_latent_weights(module, 1.0)
            if average is not None:
                average.update(module, epoch * len(batches) + number)
            total, count = total + value.item() * len(targets), count + len(targets)
        losses.append(total / count)
    return losses


def in_order(batch_size=32):
    pairs = zip(INPUTS.split(batch_size), TARGETS.split(batch_size), strict=True)
    return lambda epoch, pairs=list(pairs): pairs


def assert_same_weights(one, other):
    for (name, ours), theirs in zip(
        one.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name


def test_a_loader_trains_to_the_weights_of_a_plain_loop(tmp_path):
    settings = recipe(val_size=0)
    ours, theirs = network(), network()
    loader = DataLoader(TensorDataset(INPUTS, TARGETS), 32)
    train(ours, loader, None, settings, out=tmp_path / "run")
    losses = plain_loop(theirs, in_order(), settings)
    assert_same_weights(ours, theirs)
    assert not ours.training
    rows = read_metrics(tmp_path / "run")
    assert [row["loss"] for row in rows] == pytest.approx(losses, rel=1e-6)


def test_arrays_train_to_the_weights_of_a_plain_loop_in_the_order_of_the_seed(tmp_path):
    settings = recipe(val_size=0, seed=5)

    def shuffled(epoch):
        generator = torch.Generator().manual_seed(epoch_seed(5, epoch, "order"))
        order = torch.randperm(len(INPUTS), generator=generator).split(32)
        return [(INPUTS[places], TARGETS[places]) for places in order]

    ours, theirs = network(), network()
    train(ours, (INPUTS, TARGETS), None, settings, out=tmp_path / "run")
    plain_loop(theirs, shuffled, settings)
    assert_same_weights(ours, theirs)


def items_of(inputs, targets):
    return list(zip(inputs, targets, strict=True))


@dataclass
class Items:
    """A data set by its form alone, as torchvision's are: no class of torch."""

    samples: list

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, place):
        return self.samples[place]


FORMS = {
    "tensors": lambda: ((INPUTS, TARGETS), {}),
    "NumPy": lambda: (arrays(), {}),
    "float64 and int32": lambda: ((INPUTS.double().numpy(), TARGETS.int().numpy()), {}),
    "data set": lambda: (TensorDataset(INPUTS, TARGETS), {}),
    "items of NumPy": lambda: (Items(items_of(*arrays())), {}),
    "items of numbers": lambda: (
        Items([(one.numpy(), int(label)) for one, label in zip(INPUTS, TARGETS, strict=True)]),
        {},
    ),
    "workers": lambda: (TensorDataset(INPUTS, TARGETS), {"workers": 2}),
}


@pytest.fixture(scope="module")
def from_tensors(tmp_path_factory):
    module = network()
    train(module, (INPUTS, TARGETS), None, recipe(), out=tmp_path_factory.mktemp("own") / "run")
    return module


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_data_gives_the_same_weights(form, from_tensors, tmp_path):
    data, options = FORMS[form]()
    module = network()
    metrics = train(module, data, None, recipe(), out=tmp_path / "run", **options)
    assert_same_weights(module, from_tensors)
    assert metrics.keys() >= {"loss", "accuracy", "val_loss", "val_accuracy", "flipped"}


class Several(nn.Module):
    """Two inputs by name."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, left, right):
        return self.inner(torch.cat([left, right], dim=1))


@pytest.mark.parametrize("form", ["tuple", "dict", "items", "loader"])
def test_several_inputs_are_the_arguments_of_the_module(form, from_tensors, tmp_path):
    left, right = INPUTS[:, :2], INPUTS[:, 2:]
    by_name = {"right": right, "left": left}
    samples = [
        ({"left": one[:2], "right": one[2:]}, label)
        for one, label in zip(INPUTS, TARGETS, strict=True)
    ]
    data, settings = {
        "tuple": (((left, right), TARGETS), recipe()),
        "dict": ((by_name, TARGETS), recipe()),
        "items": (Items(samples), recipe()),
        "loader": (DataLoader(Items(samples), 32), recipe(val_size=0)),  # pyright: ignore
    }[form]
    module = Several()
    train(module, data, None, settings, out=tmp_path / "run")
    if form != "loader":
        assert_same_weights(module.inner, from_tensors)


def test_validation_data_are_measured_as_they_are(tmp_path):
    module, held_out = network(), (INPUTS[:20], TARGETS[:20])
    metrics = train(module, (INPUTS, TARGETS), held_out, recipe(), out=tmp_path / "run")
    with torch.no_grad():
        outputs = module(held_out[0])
    right = (outputs.argmax(1) == held_out[1]).double().mean()
    assert metrics["val_accuracy"] == pytest.approx(right.item())
    assert metrics["val_loss"] == pytest.approx(F.cross_entropy(outputs, held_out[1]).item())


def test_the_folder_gives_the_weights_back(tmp_path):
    module = network()
    train(module, (INPUTS, TARGETS), None, recipe(), out=tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {
        *("recipe.yaml", "run.json", "metrics.csv", "curves.png", "tensorboard"),
        *("last.ckpt", "best.safetensors", "last.safetensors"),
    }
    again = load_weights(network(seed=9), tmp_path / "run")
    assert_same_weights(again, module)
    assert not again.training


def test_the_average_is_measured_saved_and_put_into_the_module(tmp_path):
    from signbit.train._averaging import AverageModel

    settings = recipe(val_size=0, averaging={"decay": 0.9, "batch_norm_images": 96})
    ours, theirs = network(), network()
    average = AverageModel(theirs, 0.9)
    train(
        ours, DataLoader(TensorDataset(INPUTS, TARGETS), 32), None, settings, out=tmp_path / "run"
    )
    plain_loop(theirs, in_order(), settings, average=average)
    average.measure(theirs, [inputs for inputs, _ in in_order()(0)])
    assert_same_weights(ours, average.model)
    assert_same_weights(load_weights(network(seed=9), tmp_path / "run"), average.model)


def test_a_teacher_teaches_by_the_formula(tmp_path):
    settings = recipe(val_size=0, distillation={"temperature": 2, "weight": 0.3})
    ours, theirs, teacher = network(), network(), network(seed=1)

    def loss(outputs, targets):
        with torch.no_grad():
            taught = teacher.eval()(INPUTS[:32])
        ours, theirs = (F.log_softmax(one / 2, dim=1) for one in (outputs, taught))
        divergence = F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
        return 0.7 * F.cross_entropy(outputs, targets) + 0.3 * 4 * divergence

    loader = DataLoader(TensorDataset(INPUTS[:32], TARGETS[:32]), 32)
    train(ours, loader, None, settings, out=tmp_path / "run", teacher=teacher)
    plain_loop(theirs, lambda _: [(INPUTS[:32], TARGETS[:32])], settings, loss)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_loss_and_metrics_of_ones_own(tmp_path):
    settings = recipe(val_size=0)
    weight = torch.tensor([1.0, 2.0, 3.0])
    function = nn.CrossEntropyLoss(weight=weight)
    metrics = {
        "right": MulticlassAccuracy(CLASSES, average="micro"),
        "named": "accuracy",
    }
    ours, theirs = network(), network()
    loader = DataLoader(TensorDataset(INPUTS, TARGETS), 32)
    found = train(
        ours, loader, loader, settings, out=tmp_path / "run", loss=function, metrics=metrics
    )
    plain_loop(theirs, in_order(), settings, lambda y, t: F.cross_entropy(y, t, weight=weight))
    assert_same_weights(ours, theirs)
    assert found["right"] == pytest.approx(found["named"])
    assert found["val_right"] == pytest.approx(found["val_named"])
    with torch.no_grad():
        value = F.cross_entropy(ours(INPUTS), TARGETS, weight=weight)
    # The batches have one size but not one sum of weights, so their means differ a little.
    assert found["val_loss"] == pytest.approx(value.item(), rel=0.05)


@pytest.mark.parametrize(
    ("metrics", "better"), [({"m": "mae"}, min), ({"m": "r2"}, max), ([], min)]
)
def test_the_best_epoch_is_that_of_the_first_metric_or_of_the_loss(metrics, better, tmp_path):
    from safetensors import safe_open

    targets = INPUTS[:, :1] * 3
    train(
        network(1),
        (INPUTS, targets),
        (INPUTS[:30], targets[:30]),
        recipe(epochs=5, optimizer={"name": "adam", "lr": 0.1}),
        out=tmp_path / "run",
        loss="mse",
        metrics=metrics,
    )
    column = "val_m" if metrics else "val_loss"
    rows = read_metrics(tmp_path / "run")
    wanted = better(row[column] for row in rows)
    with safe_open(tmp_path / "run" / "best.safetensors", "pt") as file:
        text = file.metadata()["signbit"]
    import json

    assert json.loads(text)["info"]["metrics"][column] == wanted


def test_outputs_of_any_structure_go_to_a_loss_of_ones_own(tmp_path):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = network(), network(1)

        def forward(self, x):
            return {"classes": self.one(x), "number": self.other(x)[:, 0]}

    def loss(outputs, targets):
        classes = F.cross_entropy(outputs["classes"], targets["classes"])
        return classes + F.mse_loss(outputs["number"], targets["number"])

    targets = {"classes": TARGETS, "number": INPUTS[:, 2]}
    module = Two()
    first = loss(module.eval()(INPUTS), targets).item()
    found = train(module, (INPUTS, targets), None, recipe(), out=tmp_path / "run", loss=loss)
    assert found["val_loss"] < first
    assert found.keys().isdisjoint({"accuracy", "val_accuracy"})


class Noisy(Dataset):
    """Items with random numbers of all three kinds."""

    def __len__(self):
        return len(INPUTS)

    def __getitem__(self, place):
        import random

        noise = torch.randn(FEATURES) + float(np.random.normal()) + random.random()
        return INPUTS[place] + 0.1 * noise, TARGETS[place]


def test_random_transforms_do_not_depend_on_the_number_of_workers(tmp_path):
    modules = [network(), network(), network()]
    for workers, module in zip((0, 1, 2), modules, strict=True):
        out = tmp_path / str(workers)
        train(module, Noisy(), None, recipe(epochs=2), out=out, workers=workers)
    assert_same_weights(modules[0], modules[1])
    assert_same_weights(modules[0], modules[2])
