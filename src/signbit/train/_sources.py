"""Where samples come from: arrays, a data set whose items are samples, or a loader of batches."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, default_collate

from signbit.errors import UsageError, first_line
from signbit.ranks import Ranks
from signbit.train._batch import sample_count, tensors_in
from signbit.train._epoch_data import (
    DeviceBatches,
    full_batches,
    held_out_batches,
    joint_size,
    training_batches,
    whole_batches,
)

# Looks at the inputs and targets of a batch; the text says which batch it is.
Check = Callable[[Any, Any, str], None]


class Batches(Protocol):
    """Pairs of inputs and targets, and how many there are."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


class AbstractSource(ABC):
    """Samples with targets, in batches.

    check: looks at each batch that is not on the device from the start; None for no check.
    """

    check: Check | None = None

    @property
    @abstractmethod
    def steps(self) -> int:
        """The number of batches in an epoch of training."""

    @property
    @abstractmethod
    def samples(self) -> int | None:
        """The number of samples; None where only the batches are known."""

    @abstractmethod
    def to_train(self, seed: int, ranks: Ranks) -> Batches:
        """The share of a rank of each batch of an epoch.

        The seed decides their order, and what is random in a sample.
        """

    @abstractmethod
    def whole(self, seed: int, count: int, ranks: Ranks) -> Iterable[Any]:
        """Those of the first `count` batches of an epoch that this rank gets whole."""

    @abstractmethod
    def in_order(self, seed: int, ranks: Ranks) -> Batches:
        """The share of a rank of all samples in order, also those of a last, smaller batch."""

    @abstractmethod
    def check_shares(self, ranks: Ranks, to_train: bool) -> None:
        """Raises: UsageError where the ranks cannot share the batches."""


class AbstractPlaces(AbstractSource):
    """Samples that are found by their place.

    places: those that are used.
    """

    def __init__(self, places: Tensor, batch_size: int):
        self.places, self.batch_size = places, batch_size

    @property
    def steps(self) -> int:
        """The number of full batches; 1 where there is only a smaller one."""
        return full_batches(len(self.places), self.batch_size)

    @property
    def samples(self) -> int:
        """The number of samples that are used."""
        return len(self.places)

    def to_train(self, seed: int, ranks: Ranks) -> Batches:
        """Full batches in a random order."""
        return self.batches(training_batches(self.places, seed, self.batch_size, ranks), seed)

    def whole(self, seed: int, count: int, ranks: Ranks) -> Batches:
        """Every `ranks.count`-th batch."""
        return self.batches(whole_batches(self.places, seed, self.batch_size, count, ranks), seed)

    def in_order(self, seed: int, ranks: Ranks) -> Batches:
        """Every `ranks.count`-th sample."""
        return self.batches(held_out_batches(self.places, self.batch_size, ranks), seed)

    def check_shares(self, ranks: Ranks, to_train: bool) -> None:
        """Raises: UsageError where the ranks cannot share the batches."""
        if to_train:
            joint_size(len(self.places), self.batch_size, ranks)
        else:
            held_out_batches(self.places, self.batch_size, ranks)

    @abstractmethod
    def batches(self, places: Sequence[Tensor], seed: int) -> Batches:
        """The batches of samples at these places."""


class ArraySource(AbstractPlaces):
    """Tensors that have a row for each sample. They lie on the device while a run trains.

    values: a pair of inputs and targets, each a tensor or tensors in a tuple or dict.
    places: the rows that are used.
    """

    def __init__(self, values: tuple[Any, Any], places: Tensor, batch_size: int):
        super().__init__(places, batch_size)
        self.values = values

    def to(self, device: torch.device) -> None:
        """Move all rows."""
        self.values = apply_to_collection(self.values, Tensor, Tensor.to, device)

    def batches(self, places: Sequence[Tensor], seed: int) -> Batches:
        """Nothing is random in a row."""
        return DeviceBatches(self.values, places, tensors_in(self.values)[0].device)


class ItemSource(AbstractPlaces):
    """A data set whose items are pairs of an input and a target.

    What is random in an item follows from the epoch and the item alone, so the number of workers
    changes nothing.

    places: the items that are used.
    workers: processes that read; 0 for none.
    """

    def __init__(self, items: Any, places: Tensor, batch_size: int, workers: int):
        super().__init__(places, batch_size)
        self.items, self.workers = items, workers

    def batches(self, places: Sequence[Tensor], seed: int) -> Batches:
        """Random numbers in an item follow from the seed and its place."""
        loader = DataLoader(
            _SeededItems(self.items, seed),
            batch_sampler=[batch.tolist() for batch in places],
            num_workers=self.workers,
            collate_fn=joined,
        )
        return _SeededBatches(loader, seed, self.check)


class LoaderSource(AbstractSource):
    """Batches of a DataLoader, or of anything with a length that gives batches.

    The loader decides the order and the size of batches. Its generators are seeded anew in each
    epoch.

    Raises: UsageError for a loader without a length.
    """

    def __init__(self, loader: Any):
        self.loader = loader
        try:
            self._steps = len(loader)
        except TypeError as error:
            raise UsageError(
                "the number of batches is unknown, and the schedule needs it: "
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
        """Only the batches are counted."""

    def to_train(self, seed: int, ranks: Ranks) -> Batches:
        """The batches of the loader. Each rank reads all of a batch, and keeps its share."""
        batches = _SeededBatches(self.loader, seed, self.check)
        return batches if ranks.count == 1 else _SharedBatches(batches, ranks)

    def whole(self, seed: int, count: int, ranks: Ranks) -> Iterable[Any]:
        """Every `ranks.count`-th batch; each rank reads all of them."""
        batches = islice(_SeededBatches(self.loader, seed, self.check), count)
        return islice(batches, ranks.number, None, ranks.count)

    def in_order(self, seed: int, ranks: Ranks) -> Batches:
        """Every `ranks.count`-th batch; each rank reads all of them."""
        batches = _SeededBatches(self.loader, seed, self.check)
        return batches if ranks.count == 1 else _TakenInTurn(batches, ranks)

    def check_shares(self, ranks: Ranks, to_train: bool) -> None:
        """Raises: UsageError where the ranks cannot share the batches."""
        if ranks.count > 1 and isinstance(
            getattr(self.loader, "sampler", None), DistributedSampler
        ):
            raise UsageError(
                "the loader has a DistributedSampler, but train() divides each batch among the "
                "processes itself; leave the sampler out"
            )
        if not to_train and self.steps < ranks.count:
            raise UsageError(
                f"the loader of samples held out has {self.steps} batches, too few for "
                f"{ranks.count} processes; give it smaller batches"
            )


class _SeededItems(Dataset):
    """Items that are read with random numbers that follow from a seed and their place."""

    def __init__(self, items: Any, seed: int):
        self.items, self.seed = items, seed

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Any:
        _seed_all(self.seed, place)
        return self.items[place]


class _SeededBatches:
    """Batches of a loader, whose random numbers follow from a seed; those of the network stay."""

    def __init__(self, loader: Any, seed: int, check: Check | None):
        self.loader, self.seed, self.check = loader, seed, check

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for generator in _generators(self.loader):
            generator.manual_seed(self.seed)
        # A loader may draw its order when its first batch is asked for.
        with isolate_rng(include_cuda=False):
            _seed_all(self.seed)
            batches = iter(self.loader)
        for number in range(len(self.loader)):
            with isolate_rng(include_cuda=False):
                _seed_all(self.seed, number)
                batch = next(batches, None)
            if batch is None:
                raise UsageError(
                    f"the loader ended after {number} of {len(self.loader)} batches; its length "
                    "must be that of every epoch"
                )
            inputs, targets = as_pair(batch)
            if self.check is not None:
                self.check(inputs, targets, f"batch {number + 1}")
            yield inputs, targets


class _SharedBatches:
    """The rows of each batch that are the share of a rank."""

    def __init__(self, batches: Batches, ranks: Ranks):
        self.batches, self.ranks = batches, ranks

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for number, batch in enumerate(self.batches):
            size = sample_count(batch[1])
            if size % self.ranks.count:
                raise UsageError(
                    f"batch {number + 1} of the loader has {size} samples, which "
                    f"{self.ranks.count} processes cannot share equally; give a batch size that "
                    "they can, and drop_last=True"
                )
            yield apply_to_collection(batch, Tensor, self.ranks.share)


class _TakenInTurn:
    """Every count-th batch, from that at the number of a rank on."""

    def __init__(self, batches: Batches, ranks: Ranks):
        self.batches, self.ranks = batches, ranks

    def __len__(self) -> int:
        return len(self.ranks.share(range(len(self.batches))))

    def __iter__(self) -> Iterator[Any]:
        return islice(self.batches, self.ranks.number, None, self.ranks.count)


def _generators(loader: Any) -> list[torch.Generator]:
    """The generators of a loader and its sampler, which draw order and seeds of workers."""
    owners = (loader, getattr(loader, "sampler", None))
    found = [getattr(owner, "generator", None) for owner in owners]
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def _seed_all(seed: int, place: int = -1) -> None:
    drawn = np.random.SeedSequence([seed, place + 1]).generate_state(2, np.uint64)
    torch.manual_seed(int(drawn[0] >> 1))
    random.seed(int(drawn[0]))
    np.random.seed(int(drawn[1] & 0xFFFFFFFF))


def as_pair(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets. Raises: UsageError for a batch of another form."""
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    parts = f" of {len(batch)} parts" if isinstance(batch, tuple | list | Mapping) else ""
    raise UsageError(
        f"a sample or batch is a {type(batch).__name__}{parts}; (input, target) is needed. Several "
        "inputs come as a tuple or a dict in the first place"
    )


def joined(samples: list[Any]) -> tuple[Any, Any]:
    """A batch of samples. Real numbers become float32, whole targets int64."""
    inputs, targets = zip(*map(as_pair, samples), strict=True)
    try:
        return converted(default_collate(list(inputs))), whole(default_collate(list(targets)))
    except (TypeError, RuntimeError, KeyError) as error:
        raise UsageError(
            f"the items of the data set do not join to a batch: {first_line(error)}; they must be "
            "tensors, arrays or numbers, alike in shape: give the data set a transform"
        ) from error


def converted(values: Any) -> Any:
    """Tensors with float32 in place of float64."""
    return apply_to_collection(
        values, Tensor, lambda one: one.float() if one.dtype is torch.float64 else one
    )


def whole(targets: Any) -> Any:
    """`converted` targets with int64 in place of other whole numbers."""
    return apply_to_collection(converted(targets), Tensor, _as_int64)


def _as_int64(one: Tensor) -> Tensor:
    keep = one.is_floating_point() or one.is_complex() or one.dtype is torch.bool
    return one if keep else one.long()
