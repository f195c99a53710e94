"""The shares of several processes make up the batches of one."""

from itertools import chain

import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    TensorDataset,
    default_collate,
)

from signbit.errors import UsageError
from signbit.ranks import Ranks, ranks_here
from signbit.train import load_recipe
from signbit.train._epoch_data import joint_size
from signbit.train._own_data import own_data
from signbit.train._sources import ArraySource, ItemSource, LoaderSource

ALONE, COUNT = Ranks(), 3
RANKS = [Ranks(number, COUNT) for number in range(COUNT)]
VALUES = torch.arange(50), torch.arange(50) % 7
ITEMS = list(zip(*VALUES, strict=True))
PLACES = torch.arange(0, 50, 2)


def array_source():
    return ArraySource(VALUES, PLACES, 9)


def item_source():
    return ItemSource(ITEMS, PLACES, 9, workers=0)


def loader_source():
    kept = TensorDataset(*(value[PLACES] for value in VALUES))
    return LoaderSource(DataLoader(kept, 6, shuffle=True, drop_last=True))


def inputs_of(batches):
    return [inputs.tolist() for inputs, _ in batches]


SOURCES = [array_source, item_source, loader_source]


@pytest.mark.parametrize("make", SOURCES)
def test_shares_of_a_batch_are_equal_and_make_up_the_batch(make):
    whole = inputs_of(make().to_train(5, ALONE))
    shares = [inputs_of(make().to_train(5, ranks)) for ranks in RANKS]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert len({len(part) for part in parts}) == 1
        assert sorted(chain(*parts)) == sorted(batch)


@pytest.mark.parametrize("make", SOURCES)
def test_each_sample_held_out_has_one_process(make):
    # A loader shuffles as its seed says.
    whole = chain(*inputs_of(make().in_order(5, ALONE)))
    shares = [list(chain(*inputs_of(make().in_order(5, ranks)))) for ranks in RANKS]
    assert all(shares)
    assert sorted(chain(*shares)) == sorted(whole)


@pytest.mark.parametrize("make", SOURCES)
def test_whole_batches_go_round(make):
    whole = inputs_of(make().whole(5, 4, ALONE))
    parts = [inputs_of(make().whole(5, 4, ranks)) for ranks in RANKS]
    assert parts == [whole[number::COUNT] for number in range(COUNT)]


def test_a_batch_that_cannot_be_shared_is_refused():
    for batch_size in (10, 3):
        with pytest.raises(UsageError, match="give a multiple of 3 that is at least 6"):
            joint_size(100, batch_size, RANKS[0])
    assert joint_size(100, 9, RANKS[0]) == 9
    assert joint_size(8, 9, RANKS[0]) == 6
    with pytest.raises(UsageError, match="5 training samples are too few for 3 processes"):
        joint_size(5, 9, RANKS[0])
    assert [joint_size(count, 9, ALONE) for count in (1, 5, 100)] == [1, 5, 9]


def data(train_data, val_data=None, **settings):
    return own_data(train_data, val_data, load_recipe("plain", settings), 0, Ranks(0, 2))


def test_data_that_cannot_be_shared_are_refused_before_the_first_epoch():
    few = VALUES[0][:1], VALUES[1][:1]
    with pytest.raises(UsageError, match="1 held-out samples are too few for 2 processes"):
        data(VALUES, few)
    with pytest.raises(UsageError, match="has 1 batches, which are too few for 2 processes"):
        data(VALUES, DataLoader(TensorDataset(*VALUES), 50))
    items = TensorDataset(*VALUES)
    sampler = DistributedSampler(items, num_replicas=2, rank=0)
    by_batch = BatchSampler(sampler, 4, drop_last=True)
    for loader in (
        DataLoader(items, 4, sampler=sampler),
        DataLoader(items, batch_sampler=by_batch),
    ):
        with pytest.raises(UsageError, match="leave out the sampler"):
            data(loader, val_size=0)


def with_a_shared_table(samples):
    inputs, targets = default_collate(samples)
    return {"x": inputs, "table": torch.arange(6)}, targets


def test_a_tensor_that_all_samples_share_is_not_cut_into_shares():
    loader = DataLoader(TensorDataset(*VALUES), 10, collate_fn=with_a_shared_table)
    batches = LoaderSource(loader).to_train(0, Ranks(0, 2))
    with pytest.raises(UsageError, match=r"batch 1 of the loader has tensors with 6, 10 rows.*row"):
        next(iter(batches))


def test_samples_held_out_have_batches_where_the_recipe_has_small_ones():
    source = ArraySource(VALUES, PLACES, 2)
    shares = [chain(*inputs_of(source.in_order(0, ranks))) for ranks in RANKS]
    assert sorted(chain(*shares)) == PLACES.tolist()


def test_ranks_are_those_of_torchrun_alone(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert ranks_here() == Ranks()
    for name, value in {
        "TORCHELASTIC_RUN_ID": "x",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
        "TORCHELASTIC_RESTART_COUNT": "3",
    }.items():
        monkeypatch.setenv(name, value)
    assert ranks_here() == Ranks(1, 2, 1, 2, 3)
