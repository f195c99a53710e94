"""The code that every source of batches shares: seeds, the split, the order of an epoch."""

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

# How many samples of several blocks are mixed. More samples mix better but cost more, because a
# batch then has samples of more blocks.
SAMPLES_MIXED = 2048

# Runs with different seeds hold out the same samples, so that their results can be compared.
_SPLIT_SEED = 0


def epoch_seed(seed: int, epoch: int, purpose: str, ranks: Ranks | None = None) -> int:
    """A separate seed for each epoch and purpose, so that a resumed run needs no generator state.

    ranks: if given, each rank gets a seed of its own. Rank 0 gets the seed of a single process.
    """
    if ranks is not None and not ranks.is_first:
        purpose = f"{purpose} {ranks.number}"
    entropy = [seed, epoch, *purpose.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)


def split(
    count: int, val_size: float, things: str = "images", blocks: Any = ()
) -> tuple[Tensor, Tensor]:
    """The indices of the samples to train on and of the held-out samples, both ascending.

    val_size: a fraction below 1, or a number of samples.
    things: the word for the samples in messages.
    blocks: as in `shuffled`. Whole blocks are held out, and a part of one more block, so that
        validation reads no other blocks.

    Raises: UsageError if fewer than two samples are left to train on, or if a val_size above 0
        holds out none.
    """
    held_out = round(val_size * count) if val_size < 1 else int(val_size)
    if val_size and not held_out:
        raise UsageError(
            f"val_size is {val_size:g}, which holds out none of {count} training {things}; give a "
            "larger val_size, or 0 to train without validation"
        )
    if count - held_out < 2:
        raise UsageError(
            f"val_size is {val_size:g}, which holds out {held_out} of {count} training {things}; "
            "at least 2 must remain for training; give a fraction such as 0.1"
        )
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    order = torch.randperm(count, generator=generator)
    if len(blocks):
        order = order[_turns(order, blocks, generator).sort(stable=True).indices]
    return order[held_out:].sort().values, order[:held_out].sort().values


def shuffled(indices: Tensor, seed: int, blocks: Any = ()) -> Tensor:
    """The indices in a random order that depends only on the seed.

    blocks: the first index of each block of samples, ascending from 0, if a sample can only be read
        with its whole block. The blocks are then shuffled. After that, the samples of a few
        blocks in a row are mixed: of at least two blocks, with about SAMPLES_MIXED samples
        together. () if samples can be read in any order at the same cost.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(indices), generator=generator)
    if not len(blocks):
        return indices[order]
    together = max(round(SAMPLES_MIXED * len(blocks) / max(len(indices), 1)), 2)
    mixed = _turns(indices, blocks, generator)[order] // together
    return indices[order[mixed.sort(stable=True).indices]]


def _turns(indices: Tensor, blocks: Any, generator: torch.Generator) -> Tensor:
    """For each index, the place of its block among the shuffled blocks."""
    block = torch.searchsorted(torch.as_tensor(blocks), indices, right=True) - 1
    return torch.randperm(len(blocks), generator=generator)[block]


def full_batches(count: int, batch_size: int) -> int:
    """The number of full batches; 1 if there is only a smaller batch."""
    return max(count // batch_size, 1)


def joint_size(samples: int, batch_size: int, ranks: Ranks) -> int:
    """The size of a training batch, which all ranks share equally.

    This is `batch_size`. If there are fewer samples, it is the largest number of samples that the
    ranks can share equally.

    Raises: UsageError if the ranks cannot share a batch equally, or if a rank gets fewer than two
        samples of it.
    """
    if batch_size % ranks.count or batch_size < 2 * ranks.count:
        raise UsageError(
            f"batch_size is {batch_size}, which {ranks.count} processes share equally; give a "
            f"multiple of {ranks.count} that is at least {2 * ranks.count}"
        )
    size = min(batch_size, samples) // ranks.count * ranks.count
    if size < min(2, samples) * ranks.count:
        raise UsageError(
            f"{samples} training samples are too few for {ranks.count} processes, which need "
            f"{2 * ranks.count} or more; start fewer processes"
        )
    return size


def training_batches(order: Tensor, batch_size: int, ranks: Ranks) -> Sequence[Tensor]:
    """The share of this rank in each full batch of an epoch.

    All ranks together get the same batches as a single process.
    """
    size = joint_size(len(order), batch_size, ranks)
    used = order[: full_batches(len(order), batch_size) * size]
    return [ranks.share(batch) for batch in used.split(size)]


def whole_batches(order: Tensor, batch_size: int, count: int, ranks: Ranks) -> Sequence[Tensor]:
    """The whole batches that this rank gets of the first `count` full batches."""
    size = joint_size(len(order), batch_size, ranks)
    return ranks.share(order[: count * size].split(size))


def held_out_batches(places: Tensor, batch_size: int, ranks: Ranks) -> Sequence[Tensor]:
    """The share of this rank in the held-out samples, in order, in batches.

    The size of a batch is the share of a rank in `batch_size`.

    Raises: UsageError if a rank would get no sample.
    """
    if len(places) < ranks.count:
        raise UsageError(
            f"{len(places)} held-out samples are too few for {ranks.count} processes; hold out "
            f"{ranks.count} or more, or none"
        )
    # A loader's training batches may have another size, so batch_size may be below the count.
    return ranks.share(places).split(max(batch_size // ranks.count, 1))


class DeviceBatches:
    """Batches of tensors on one device, in the same structure as the tensors.

    batches: the places of the samples of each batch.
    """

    def __init__(self, values: Any, batches: Sequence[Tensor], device: torch.device):
        self.values = values
        sizes = [len(batch) for batch in batches]
        # One transfer to the device for all places.
        self.batches = torch.cat(list(batches)).to(device).split(sizes) if sizes else ()

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        for places in self.batches:
            yield apply_to_collection(self.values, Tensor, Tensor.__getitem__, places)


class AbstractData(pl.LightningDataModule, ABC):
    """Training and validation batches of a run: pairs of inputs and targets on the device.

    ranks: the processes that train together. Each one gets its share of every batch.
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
        """Inputs of training samples, for the batch norms of the average; the same in every epoch.

        Every rank gets whole batches. No two ranks get the same batch.
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
    """The number of batches, from 1 to `most`, for the batch norms of the average."""
    assert averaging is not None
    return min(max(averaging.batch_norm_images // batch_size, 1), most)
