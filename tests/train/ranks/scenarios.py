"""What two processes do that torchrun has started, and what one does to compare."""

import json
import os
import signal
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAUROC

from signbit.layers import BinaryLinear
from signbit.ranks import ranks_here
from signbit.train import Recipe, load_recipe, train

INPUTS = torch.randn(64, 6, generator=torch.Generator().manual_seed(1))
TARGETS = (INPUTS.sum(1) > 0).long()
HELD_OUT = INPUTS[:13] + 0.5, TARGETS[:13]
LR = 0.5
AVERAGE = {"decay": 0.5, "batch_norm_images": 64}


class Network(nn.Sequential):
    """Real and binary weights, batch norms over two and three axes."""

    def __init__(self, seed: int = 0):
        torch.manual_seed(seed)
        super().__init__(
            nn.Linear(6, 12),
            nn.Unflatten(1, (4, 3)),
            nn.BatchNorm1d(4),
            nn.Flatten(),
            nn.Tanh(),
            BinaryLinear(12, 8, bias=False, input_quantizer=None),
            nn.BatchNorm1d(8, affine=False),
            nn.Linear(8, 2),
        )


def recipe(**settings) -> Recipe:
    sgd = {"name": "sgd", "lr": LR, "momentum": 0.0}
    plain = {"epochs": 1, "batch_size": 32, "val_size": 0, "optimizer": sgd, "latent_clip": None}
    constant = {"name": "steps", "lr_at_epoch": {1000: LR}}
    return load_recipe("plain", {**plain, "schedule": constant, **settings})


def one_step(folder: Path, module: nn.Module | None = None, data=None, **settings) -> nn.Module:
    """The network after a step on all samples."""
    module = Network() if module is None else module
    train(module, data or (INPUTS, TARGETS), None, recipe(batch_size=64, **settings), out=folder)
    return module


def epochs(folder: Path, **settings) -> nn.Module:
    """The network after two epochs with few steps, and with samples held out."""
    module = Network()
    train(
        module,
        (INPUTS, TARGETS),
        HELD_OUT,
        recipe(epochs=2, **settings),
        out=folder,
        metrics={"accuracy": "accuracy", "auroc": MulticlassAUROC(num_classes=2)},
    )
    return module


class Dying(Network):
    """Rank 1 is killed in the second epoch, if it was not started again."""

    calls = 0

    def forward(self, inputs):
        self.calls += self.training
        here = ranks_here()
        if here.number == 1 and here.restarts == 0 and self.calls == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(inputs)


class Unused(Network):
    """Has a parameter that no output depends on."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.ones(3))


class Sometimes(Network):
    """Has a part that every second step leaves out, after the first one has used it."""

    def __init__(self):
        super().__init__()
        self.more, self.calls = nn.Linear(6, 2), 0

    def forward(self, inputs):
        self.calls += self.training
        outputs = inputs
        for layer in list(self)[:-1]:
            outputs = layer(outputs)
        return outputs + self.more(inputs) if self.calls % 2 else outputs


class Watching(Network):
    """Remembers who handles SIGTERM in a step."""

    handler = None

    def forward(self, inputs):
        if self.training:
            self.handler = signal.getsignal(signal.SIGTERM)
        return super().forward(inputs)


def sometimes(folder: Path) -> nn.Module:
    module = Sometimes()
    train(module, (INPUTS, TARGETS), None, recipe(epochs=2), out=folder)
    return module


def loader() -> DataLoader:
    return DataLoader(TensorDataset(INPUTS, TARGETS), 32, shuffle=True)


def scenario(name: str, folder: Path) -> nn.Module:
    rank = ranks_here().number
    if name == "step":
        return one_step(folder)
    if name == "local":
        return one_step(folder, batch_norms="local")
    if name == "unused":
        return one_step(folder, Unused())
    if name == "sometimes":
        return sometimes(folder)
    if name == "signals":
        module = one_step(folder, Watching())
        assert module.handler is signal.getsignal(signal.SIGTERM)
        return module
    if name == "loader":
        module = Network()
        train(module, loader(), None, recipe(), out=folder)
        return module
    if name == "odd":
        return one_step(folder, data=DataLoader(TensorDataset(INPUTS[:33], TARGETS[:33]), 32))
    if name == "epochs":
        return epochs(folder)
    if name == "average":
        return epochs(folder, averaging=AVERAGE)
    if name == "other data":
        return one_step(folder, data=(INPUTS, TARGETS.roll(rank)))
    if name == "bad data":
        return one_step(folder, data=(INPUTS.clone().fill_(torch.nan) if rank else INPUTS, TARGETS))
    if name == "full":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "file").touch()
        return one_step(folder)
    if name == "dies":
        module = Dying()
        train(module, (INPUTS, TARGETS), HELD_OUT, recipe(epochs=4), out=folder)
        return module
    raise AssertionError(name)


def main(folder: Path, names: list[str]) -> None:
    for name in names:
        found = {}
        try:
            module = scenario(name, folder / name / "run")
            state = {key: value.tolist() for key, value in module.state_dict().items()}
            found = {"state": state}
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        # Not in the folder of the run: a run that fails takes its empty folders away.
        (folder / f"{name}.{ranks_here().number}.json").write_text(json.dumps(found))
