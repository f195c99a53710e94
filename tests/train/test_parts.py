"""Parts of a network that start from other weights, stay as they are, or learn at another rate."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers.own_task import arrays, network, recipe
from torch.utils.data import DataLoader, TensorDataset

from signbit.errors import CheckpointError, UsageError
from signbit.models import load_model
from signbit.train import load_recipe, load_weights, train
from signbit.train._epoch_data import epoch_seed

INPUTS, TARGETS = (torch.from_numpy(one) for one in arrays())
DATA = INPUTS, TARGETS


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run to start from."""
    out = tmp_path_factory.mktemp("first") / "run"
    train(network(), DATA, None, recipe(), out=out)
    return out


@pytest.mark.parametrize("averaging", [None, {"decay": 0.5, "batch_norm_images": 32}])
def test_what_is_frozen_stays_and_the_rest_learns(averaging, tmp_path):
    module = network()
    with torch.no_grad():
        module.get_parameter("0.weight").mul_(5)  # outside of the clip
    before = {name: value.clone() for name, value in module.state_dict().items()}
    settings = recipe(frozen=["0.*", "1.*"], averaging=averaging)
    train(module, DATA, None, settings, out=tmp_path / "run")
    same = {name for name, value in module.state_dict().items() if torch.equal(value, before[name])}
    assert {name for name in before if name[0] in "01"} <= same
    assert same.isdisjoint({"3.weight", "4.weight", "4.bias", "4.running_mean"})


def test_groups_have_their_own_rate_and_decay(tmp_path):
    groups = {"1.*": {"lr_factor": 0.1}, "*.weight": {"weight_decay": 0.2}}
    settings = recipe(
        epochs=1,
        batch_size=96,
        val_size=0,
        groups=groups,
        optimizer={"name": "adam", "lr": 0.01},
        schedule={"name": "cosine"},
    )
    ours, theirs = network(), network()
    loader = DataLoader(TensorDataset(*DATA), 96)
    train(ours, loader, None, settings, out=tmp_path / "run")
    slow, decaying = (
        [*theirs[1].parameters()],
        [theirs[0].weight, theirs[3].weight, theirs[4].weight],
    )
    optimizer = torch.optim.AdamW(
        [
            {"params": [theirs[4].bias], "weight_decay": 0.0},
            {"params": slow, "lr": 0.001, "weight_decay": 0.0},
            {"params": decaying, "weight_decay": 0.2},
        ],
        lr=0.01,
    )
    torch.manual_seed(epoch_seed(0, 0, "forward"))
    F.cross_entropy(theirs(INPUTS), TARGETS).backward()
    optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other.clamp(-1, 1) if other.ndim == 2 else other)


def test_a_new_head_starts_fresh_on_the_weights_of_a_run(first, tmp_path):
    still = {"epochs": 1, "optimizer": {"name": "adam", "lr": 1e-9}, "frozen": ["1.running*"]}
    settings = recipe(init=str(first), init_except=["3.*", "4.*"], **still)
    module, head = network(4, seed=8), network(4, seed=8)
    train(module, DATA, None, settings, out=tmp_path / "run")
    start = load_weights(network(), first)
    ended, begun, fresh = (one.state_dict() for one in (module, start, head))
    for name, wanted in (("0.weight", begun), ("1.running_mean", begun), ("3.weight", fresh)):
        torch.testing.assert_close(ended[name], wanted[name])


def test_a_resumed_run_does_not_read_its_start_again(first, tmp_path):
    out = tmp_path / "run"
    settings = recipe(init=str(first), epochs=1)
    found = train(network(), DATA, None, settings, out=out)
    moved = first.rename(tmp_path / "moved")
    try:
        again = train(network(seed=3), DATA, None, settings, out=out, resume=True)
    finally:
        moved.rename(first)
    assert again["val_loss"] == found["val_loss"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"init": True}, CheckpointError, r"does not fit the model to be trained: 3\.weight, 4\."),
        (
            {"init": True, "init_except": ["head.*"]},
            UsageError,
            r"init_except: 'head\.\*' matches no name",
        ),
        (
            {"frozen": ["head.*"]},
            UsageError,
            r"^frozen: 'head\.\*' matches no name in the network; give",
        ),
        (
            {"groups": {"0.bias": {}}},
            UsageError,
            r"^groups: '0\.bias' matches no name .*such as 0\.weight, 1\.weight",
        ),
        ({"frozen": ["*"]}, UsageError, "no gradient flows from the loss"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(changes, error, message, first, tmp_path):
    if "init" in changes:
        changes = changes | {"init": str(first)}
    with pytest.raises(error, match=message):
        train(network(4), DATA, None, recipe(**changes), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_named_models_have_the_same(tiny_run, tmp_path):
    small = {"epochs": 1, "model": {"width": 4}}
    train(replace(tiny_run, recipe=load_recipe("digits", small)))
    begun = load_model(tiny_run.folder).module.state_dict()
    head = next(reversed([key for key in begun if key.endswith("weight")]))
    changes = {"init": str(tiny_run.folder), "init_except": [head], "frozen": ["features.0.*"]}
    run = replace(tiny_run, recipe=load_recipe("digits", small | changes), folder=tmp_path / "on")
    train(run)
    ended = load_model(run.folder).module.state_dict()
    assert torch.equal(ended["features.0.weight"], begun["features.0.weight"])
    assert not torch.equal(ended[head], begun[head])
