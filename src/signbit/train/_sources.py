"""Where samples come from: arrays, a data set whose items are samples, or a loader of batches."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler

from signbit.errors import DataError, SignbitError, UsageError, first_line
from signbit.ranks import Ranks
from signbit.train._batch import sample_count, tensors_in
from signbit.train._epoch_data import (
    DeviceBatches,
    full_batches,
    held_out_batches,
    joint_size,
    shuffled,
    training_batches,
    whole_batches,
)
from signbit.train._item_batches import ItemBatches, as_pair, seed_all

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
        batches = ItemBatches(self.items, places, seed)
        loader = DataLoader(
            batches, batch_size=None, num_workers=self.workers, collate_fn=_as_it_is
        )
        return _SeededBatches(loader, seed, self.check, batches.places)


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
        samplers = _samplers(self.loader)
        if ranks.count > 1 and any(isinstance(one, DistributedSampler) for one in samplers):
            raise UsageError(
                "the loader has a DistributedSampler, but train() divides each batch among the "
                "processes itself; leave the sampler out"
            )
        if not to_train and self.steps < ranks.count:
            raise UsageError(
                f"the loader of samples held out has {self.steps} batches, too few for "
                f"{ranks.count} processes; give it smaller batches"
            )


def _as_it_is(batch: Any) -> Any:
    return batch


class _SeededBatches:
    """Batches of a loader, whose random numbers follow from a seed; those of the network stay.

    places: the items of a data set that are in each batch; None where they are not known.
    """

    def __init__(
        self,
        loader: Any,
        seed: int,
        check: Check | None,
        places: Sequence[list[int]] | None = None,
    ):
        self.loader, self.seed, self.check, self.places = loader, seed, check, places

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for generator in _generators(self.loader):
            generator.manual_seed(self.seed)
        # A loader may draw its order when its first batch is asked for.
        with isolate_rng(include_cuda=False):
            seed_all(self.seed)
            with _one_line("before its first batch"):
                batches = iter(self.loader)
        for number in range(len(self.loader)):
            with isolate_rng(include_cuda=False):
                seed_all(self.seed, number)
                with _one_line(f"at batch {number + 1} of {len(self.loader)}"):
                    batch = next(batches, None)
            if isinstance(batch, SignbitError):
                raise batch
            if batch is None:
                raise UsageError(
                    f"the loader ended after {number} of {len(self.loader)} batches; its length "
                    "must be that of every epoch"
                )
            inputs, targets = as_pair(batch)
            if self.check is not None:
                self._look(self.check, inputs, targets, number)
            yield inputs, targets

    def _look(self, check: Check, inputs: Any, targets: Any, number: int) -> None:
        """Check a batch. Raises: what the check raises, for the first item where that is known."""
        try:
            check(inputs, targets, f"batch {number + 1}")
        except UsageError:
            for row, place in enumerate(self.places[number] if self.places else ()):
                rows = slice(row, row + 1)
                one, target = apply_to_collection(
                    (inputs, targets), Tensor, lambda all, at=rows: all[at]
                )
                check(one, target, f"item {place} of the data set")
            raise


@contextmanager
def _one_line(place: str) -> Iterator[None]:
    """Errors of a loader become a DataError, also those that a worker raised."""
    try:
        yield
    except MemoryError:
        raise
    # A loader and its data set may raise any error.
    except Exception as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        if " in DataLoader worker process " in said:
            said = _said_in_worker(error)
        elif isinstance(error, SignbitError):
            raise
        raise DataError(f"reading the data raises {place}: {said}") from error


def _said_in_worker(error: Exception) -> str:
    """Type and first line of an error whose message is the traceback of a worker."""
    lines = str(error).strip().splitlines()
    begins = re.compile(rf"([\w.]+\.)?{type(error).__name__}\b")
    return next((line for line in reversed(lines) if begins.match(line)), lines[-1])


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
            rows = {len(one) if one.ndim else 0 for one in tensors_in(batch)}
            if rows != {size}:
                raise UsageError(
                    f"batch {number + 1} of the loader has tensors with "
                    f"{', '.join(map(str, sorted(rows)))} rows, and {self.ranks.count} processes "
                    "share the rows of each; give every tensor a row for each sample, and make "
                    "others buffers of the module"
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
    """The generators of a loader and its samplers, which draw order and seeds of workers."""
    found = [getattr(owner, "generator", None) for owner in (loader, *_samplers(loader))]
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def _samplers(loader: Any) -> list[Any]:
    """The samplers of a loader, also one that its sampler of batches has."""
    owners = (loader, getattr(loader, "batch_sampler", None))
    return [getattr(owner, "sampler", None) for owner in owners]
