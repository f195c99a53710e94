"""Sources of samples: arrays, a data set whose items are samples, or a loader of batches."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler

from signbit.errors import UsageError, first_line
from signbit.ranks import Ranks
from signbit.train._batch import tensors_in
from signbit.train._epoch_data import (
    DeviceBatches,
    full_batches,
    held_out_batches,
    joint_size,
    shuffled,
    training_batches,
    whole_batches,
)
from signbit.train._item_batches import ItemBatches
from signbit.train._loader_batches import (
    Batches,
    Check,
    SeededBatches,
    SharedBatches,
    TakenInTurn,
    samplers_of,
)


class AbstractSource(ABC):
    """Samples with targets, in batches.

    check: checks each batch that is not on the device from the start; None for no check.
    """

    check: Check | None = None

    @property
    @abstractmethod
    def steps(self) -> int:
        """The number of batches in an epoch of training."""

    @property
    @abstractmethod
    def samples(self) -> int | None:
        """The number of samples; None if only the number of batches is known."""

    @abstractmethod
    def to_train(self, seed: int, ranks: Ranks) -> Batches:
        """The share of a rank in each batch of an epoch.

        The order of the samples, and random numbers in a sample, depend on the seed.
        """

    @abstractmethod
    def whole(self, seed: int, count: int, ranks: Ranks) -> Iterable[Any]:
        """The whole batches that this rank gets of the first `count` batches of an epoch."""

    @abstractmethod
    def in_order(self, seed: int, ranks: Ranks) -> Batches:
        """The share of a rank in all samples, in order. A last, smaller batch counts too."""

    @abstractmethod
    def check_shares(self, ranks: Ranks, to_train: bool) -> None:
        """Raises: UsageError if the ranks cannot share the batches."""


class AbstractPlaces(AbstractSource):
    """Samples that are found by their place.

    places: the places of the samples that are used.
    """

    def __init__(self, places: Tensor, batch_size: int):
        self.places, self.batch_size = places, batch_size

    @property
    def steps(self) -> int:
        """The number of full batches; 1 if there is only a smaller batch."""
        return full_batches(len(self.places), self.batch_size)

    @property
    def samples(self) -> int:
        """The number of samples that are used."""
        return len(self.places)

    def to_train(self, seed: int, ranks: Ranks) -> Batches:
        """Full batches in a random order."""
        order = shuffled(self.places, seed)
        return self.batches(training_batches(order, self.batch_size, ranks), seed)

    def whole(self, seed: int, count: int, ranks: Ranks) -> Batches:
        """Every `ranks.count`-th batch."""
        order = shuffled(self.places, seed)
        return self.batches(whole_batches(order, self.batch_size, count, ranks), seed)

    def in_order(self, seed: int, ranks: Ranks) -> Batches:
        """Every `ranks.count`-th sample."""
        return self.batches(held_out_batches(self.places, self.batch_size, ranks), seed)

    def check_shares(self, ranks: Ranks, to_train: bool) -> None:
        """Raises: UsageError if the ranks cannot share the batches."""
        if to_train:
            joint_size(len(self.places), self.batch_size, ranks)
        else:
            held_out_batches(self.places, self.batch_size, ranks)

    @abstractmethod
    def batches(self, places: Sequence[Tensor], seed: int) -> Batches:
        """The batches of samples at these places."""


class ArraySource(AbstractPlaces):
    """Tensors that have a row for each sample. They are on the device during the training.

    values: a pair of inputs and targets, each a tensor or tensors in a tuple or dict.
    places: the rows that are used.
    """

    def __init__(self, values: tuple[Any, Any], places: Tensor, batch_size: int):
        super().__init__(places, batch_size)
        self.values = values

    def to(self, device: torch.device) -> None:
        """Move all rows to a device."""
        self.values = apply_to_collection(self.values, Tensor, Tensor.to, device)

    def batches(self, places: Sequence[Tensor], seed: int) -> Batches:
        """The batches at these places. Rows have no random numbers, so the seed has no effect."""
        return DeviceBatches(self.values, places, tensors_in(self.values)[0].device)


class ItemSource(AbstractPlaces):
    """A data set whose items are pairs of an input and a target.

    Random numbers in an item depend only on the epoch and on the item, so the number of workers
    does not change them.

    places: the places of the items that are used.
    workers: the number of processes that read items; 0 to read in the process of the run.
    """

    def __init__(self, items: Any, places: Tensor, batch_size: int, workers: int):
        super().__init__(places, batch_size)
        self.items, self.workers = items, workers

    def batches(self, places: Sequence[Tensor], seed: int) -> Batches:
        """The batches at these places. Random numbers in an item depend on seed and place."""
        batches = ItemBatches(self.items, places, seed)
        loader = DataLoader(
            batches, batch_size=None, num_workers=self.workers, collate_fn=_as_it_is
        )
        return SeededBatches(loader, seed, self.check, batches.places)


class LoaderSource(AbstractSource):
    """Batches of a DataLoader, or of another object that has a length and yields batches.

    The loader decides the order and the size of batches. Its generators are seeded again in each
    epoch.

    Raises: UsageError for a loader without a length.
    """

    def __init__(self, loader: Any):
        self.loader = loader
        try:
            self._steps = len(loader)
        except TypeError as error:
            raise UsageError(
                "the number of batches is unknown, but the schedule needs it: "
                f"{first_line(error)}; give the data set a __len__"
            ) from error
        if not self._steps:
            raise UsageError("the loader has no batch; give it more samples, or drop_last=False")

    @property
    def steps(self) -> int:
        """The number of batches of the loader."""
        return self._steps

    @property
    def samples(self) -> None:
        """None: only the number of batches is known."""

    def to_train(self, seed: int, ranks: Ranks) -> Batches:
        """The batches of the loader. Each rank reads the whole batch and keeps its share."""
        batches = SeededBatches(self.loader, seed, self.check)
        return batches if ranks.count == 1 else SharedBatches(batches, ranks)

    def whole(self, seed: int, count: int, ranks: Ranks) -> Iterable[Any]:
        """Every `ranks.count`-th batch; each rank reads all of them."""
        batches = islice(SeededBatches(self.loader, seed, self.check), count)
        return islice(batches, ranks.number, None, ranks.count)

    def in_order(self, seed: int, ranks: Ranks) -> Batches:
        """Every `ranks.count`-th batch; each rank reads all of them."""
        batches = SeededBatches(self.loader, seed, self.check)
        return batches if ranks.count == 1 else TakenInTurn(batches, ranks)

    def check_shares(self, ranks: Ranks, to_train: bool) -> None:
        """Raises: UsageError if the ranks cannot share the batches."""
        samplers = samplers_of(self.loader)
        if ranks.count > 1 and any(isinstance(one, DistributedSampler) for one in samplers):
            raise UsageError(
                "the loader has a DistributedSampler, but train() itself divides each batch among "
                "the processes; leave out the sampler"
            )
        if not to_train and self.steps < ranks.count:
            raise UsageError(
                f"the loader of held-out samples has {self.steps} batches, which are too few for "
                f"{ranks.count} processes; give it smaller batches"
            )


def _as_it_is(batch: Any) -> Any:
    return batch
