"""What every source of batches shares: seeds, the split, the order of an epoch."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from signbit.errors import UsageError
from signbit.ranks import Ranks, ranks_here
from signbit.train.recipe import Averaging

# Of samples that lie in blocks. More mix better, and cost more: each batch has samples of all.
SAMPLES_MIXED = 2048

# Runs with different seeds hold out the same samples, so that their results can be compared.
_SPLIT_SEED = 0


def epoch_seed(seed: int, epoch: int, purpose: str, ranks: Ranks | None = None) -> int:
    """A separate seed for each epoch and purpose, so that resuming needs no generator's state.

    ranks: where given, each rank has a seed of its own; that of rank 0 is the seed of one process.
    """
    if ranks is not None and not ranks.is_first:
        purpose = f"{purpose} {ranks.number}"
    entropy = [seed, epoch, *purpose.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)


def split(
    count: int, val_size: float, things: str = "images", blocks: Any = ()
) -> tuple[Tensor, Tensor]:
    """Indices to train on and indices held out, both ascending.

    val_size: a fraction below 1, or a count.
    things: what is counted, for messages.
    blocks: as for `shuffled`; whole blocks are held out, and a part of one, so that validation
        reads no others.

    Raises: UsageError where fewer than two are left to train on, or where a val_size above 0
        holds out none.
    """
    held_out = round(val_size * count) if val_size < 1 else int(val_size)
    if val_size and not held_out:
        raise UsageError(
            f"val_size {val_size:g} holds out none of {count} training {things}; give more, or 0 "
            "to train without validation"
        )
    if count - held_out < 2:
        raise UsageError(
            f"val_size {val_size:g} holds out {held_out} of {count} training {things}; "
            "at least 2 must stay to train on: give a fraction such as 0.1"
        )
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    order = torch.randperm(count, generator=generator)
    if len(blocks):
        order = order[_turns(order, blocks, generator).sort(stable=True).indices]
    return order[held_out:].sort().values, order[:held_out].sort().values


def shuffled(indices: Tensor, seed: int, blocks: Any = ()) -> Tensor:
    """The indices in a random order that follows from the seed alone.

    blocks: first indices of the blocks that the samples lie in, ascending from 0, where a sample
        can only be read with its whole block; () where any order is read at the same cost. Then
        the blocks are shuffled, and the samples of the next few of them, two at least and about
        SAMPLES_MIXED samples, are mixed.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(indices), generator=generator)
    if not len(blocks):
        return indices[order]
    together = max(round(SAMPLES_MIXED * len(blocks) / max(len(indices), 1)), 2)
    mixed = _turns(indices, blocks, generator)[order] // together
    return indices[order[mixed.sort(stable=True).indices]]


def _turns(indices: Tensor, blocks: Any, generator: torch.Generator) -> Tensor:
    """For each index the place of its block among the blocks, which are shuffled."""
    block = torch.searchsorted(torch.as_tensor(blocks), indices, right=True) - 1
    return torch.randperm(len(blocks), generator=generator)[block]


def full_batches(count: int, batch_size: int) -> int:
    """The number of full batches; 1 where there is only a smaller batch."""
    return max(count // batch_size, 1)


def joint_size(samples: int, batch_size: int, ranks: Ranks) -> int:
    """The size of a batch of training, which all ranks share equally.

    That is `batch_size`; where there are fewer samples, as many of them as the ranks can share.

    Raises: UsageError where they cannot share a batch, or have less than two samples of it each.
    """
    if batch_size % ranks.count or batch_size < 2 * ranks.count:
        raise UsageError(
            f"batch_size {batch_size} is the batch of all {ranks.count} processes together; give "
            f"a multiple of {ranks.count}, at least {2 * ranks.count}"
        )
    size = min(batch_size, samples) // ranks.count * ranks.count
    if size < min(2, samples) * ranks.count:
        raise UsageError(f"{samples} training samples are too few for {ranks.count} processes")
    return size


def training_batches(order: Tensor, batch_size: int, ranks: Ranks) -> Sequence[Tensor]:
    """The share of a rank of each full batch of an epoch.

    All ranks together get the batches that one process gets.
    """
    size = joint_size(len(order), batch_size, ranks)
    used = order[: full_batches(len(order), batch_size) * size]
    return [ranks.share(batch) for batch in used.split(size)]


def whole_batches(order: Tensor, batch_size: int, count: int, ranks: Ranks) -> Sequence[Tensor]:
    """Those of the first `count` full batches of an epoch that this rank gets whole."""
    size = joint_size(len(order), batch_size, ranks)
    return ranks.share(order[: count * size].split(size))


def held_out_batches(places: Tensor, batch_size: int, ranks: Ranks) -> Sequence[Tensor]:
    """The share of a rank of samples held out, in order, in batches of its share of `batch_size`.

    Raises: UsageError where a rank would get none.
    """
    if len(places) < ranks.count:
        raise UsageError(
            f"{len(places)} samples held out are too few for {ranks.count} processes; hold out "
            f"{ranks.count} or more, or none"
        )
    # The batches of a loader to train on do not have this size, so it may be below the count.
    return ranks.share(places).split(max(batch_size // ranks.count, 1))


class DeviceBatches:
    """Batches of tensors on one device, as a structure like theirs.

    batches: the places of the samples of each batch.
    """

    def __init__(self, values: Any, batches: Sequence[Tensor], device: torch.device):
        self.values = values
        sizes = [len(batch) for batch in batches]
        # One transfer for all places.
        self.batches = torch.cat(list(batches)).to(device).split(sizes) if sizes else ()

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        for places in self.batches:
            yield apply_to_collection(self.values, Tensor, Tensor.__getitem__, places)


class AbstractData(pl.LightningDataModule, ABC):
    """Training and validation batches of a run: pairs of inputs and targets on the device.

    ranks: the processes that train together. Each gets its share of every batch.
    """

    def __init__(self, ranks: Ranks | None = None):
        super().__init__()
        self.ranks = ranks_here() if ranks is None else ranks

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """The number of training batches in an epoch."""

    @abstractmethod
    def plain_inputs(self) -> Iterable[Any]:
        """Inputs of training samples, the same in every epoch, for the average's batch norms.

        Every rank gets whole batches, which no other rank gets.
        """

    @property
    def device(self) -> torch.device:
        """The device of the run."""
        assert self.trainer is not None
        return self.trainer.strategy.root_device

    @property
    def epoch(self) -> int:
        """The number of the epoch, from 0."""
        assert self.trainer is not None
        return self.trainer.current_epoch


def plain_batches(averaging: Averaging | None, batch_size: int, most: int) -> int:
    """The number of batches that an average's batch norms are measured on, 1 to `most`."""
    assert averaging is not None
    return min(max(averaging.batch_norm_images // batch_size, 1), most)
