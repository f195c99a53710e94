"""A run of a user's own that stopped ends like one that did not."""

import shutil
from dataclasses import replace

import pytest
import torch
from helpers.own_task import FEATURES, arrays, network, recipe
from torch.utils.data import DataLoader, Dataset, TensorDataset

from signbit.errors import CheckpointError, UsageError
from signbit.models import load_model
from signbit.train import resume, train
from signbit.train._run_recorder import RunRecorder

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())
SETTINGS = {"epochs": 4, "averaging": {"decay": 0.9, "batch_norm_images": 64}}


class PowerCut(BaseException):
    """Ends a run like a kill: nothing of ours catches it."""


class Noisy(Dataset):
    """Items with noise."""

    def __len__(self):
        return len(INPUTS)

    def __getitem__(self, place):
        return INPUTS[place] + 0.1 * torch.randn(FEATURES), TARGETS[place]


def shuffling(**options):
    return DataLoader(Noisy(), 32, shuffle=True, **options)


DATA = {
    "arrays": lambda: (INPUTS, TARGETS),
    "items": Noisy,
    "loader": shuffling,
    "loader with a generator": lambda: shuffling(generator=torch.Generator().manual_seed(3)),
    "loader with workers": lambda: shuffling(num_workers=2),
}


def settings_for(form):
    return recipe(**SETTINGS, val_size=0 if form.startswith("loader") else 0.25)


@pytest.mark.parametrize("form", DATA)
def test_a_stopped_run_ends_with_the_same_bits(form, tmp_path, monkeypatch):
    settings, whole, halves = settings_for(form), network(), network()
    metrics = train(whole, DATA[form](), None, settings, out=tmp_path / "whole")
    write = RunRecorder.on_train_epoch_end

    def cut(self, trainer, pl_module):
        write(self, trainer, pl_module)
        if trainer.current_epoch == 1:
            raise PowerCut

    monkeypatch.setattr(RunRecorder, "on_train_epoch_end", cut)
    with pytest.raises(PowerCut):
        train(halves, DATA[form](), None, settings, out=tmp_path / "halves")
    monkeypatch.setattr(RunRecorder, "on_train_epoch_end", write)
    torch.manual_seed(77)
    again = network(seed=5)
    resumed = train(again, DATA[form](), None, settings, out=tmp_path / "halves", resume=True)
    for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    speeds = {"images_per_second", "feed_share"}
    assert {key: metrics[key] for key in metrics.keys() - speeds} == {
        key: resumed[key] for key in resumed.keys() - speeds
    }
    for name in ("last.safetensors", "best.safetensors"):
        if (tmp_path / "whole" / name).exists():
            ours, theirs = (tmp_path / run / name for run in ("whole", "halves"))
            assert ours.read_bytes() == theirs.read_bytes()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("own") / "run"
    train(network(), (INPUTS, TARGETS), None, recipe(epochs=1), out=out)
    return out


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": recipe(epochs=1, seed=4)}, r"recipe\.seed 0, now 4"),
        ({"loss": torch.nn.functional.cross_entropy, "metrics": "accuracy"}, "loss 'cross_entr"),
        ({"metrics": ["accuracy", "mean_iou"]}, r"metrics \['accuracy'\], now"),
        ({"train_data": (INPUTS, (TARGETS + 1) % 3)}, r"data\.targets_crc32"),
        ({"train_data": TensorDataset(INPUTS, TARGETS)}, r"data\.targets_crc32 \d+, now None"),
        ({"module": network(4)}, r"module\.tensors_crc32"),
    ],
)
def test_a_run_goes_on_only_with_what_it_was_started_with(changes, message, run):
    wanted = {"module": network(), "train_data": (INPUTS, TARGETS), "recipe": recipe(epochs=1)}
    with pytest.raises(UsageError, match=message):
        train(**(wanted | changes), out=run, resume=True)


def test_a_folder_that_has_a_run_needs_resume(run):
    with pytest.raises(UsageError, match=r"is not empty; .* resume its run with resume=True$"):
        train(network(), (INPUTS, TARGETS), None, recipe(epochs=1), out=run)


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path):
    with pytest.raises(CheckpointError, match=r"no run here: .*run\.json is missing"):
        train(network(), (INPUTS, TARGETS), None, recipe(), out=tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_named_and_own_runs_are_told_apart(run, tiny_run, tmp_path):
    tiny_run = replace(tiny_run, folder=tmp_path / "named")
    with pytest.raises(
        UsageError, match=r"is the run of a module of your own, torch\.nn\..*resume"
    ):
        resume(run)
    with pytest.raises(CheckpointError, match=r"load_weights fills the module"):
        load_model(run)
    train(tiny_run)
    with pytest.raises(UsageError, match="is the run of a named model"):
        train(network(), (INPUTS, TARGETS), None, recipe(), out=tiny_run.folder, resume=True)
