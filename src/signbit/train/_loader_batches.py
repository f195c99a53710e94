"""Batches of a loader, with random numbers that depend on a seed, and with errors of one line."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from signbit.errors import DataError, SignbitError, UsageError, first_line
from signbit.ranks import Ranks
from signbit.train._batch import sample_count, tensors_in
from signbit.train._item_batches import as_pair, seed_all

# Checks the inputs and targets of a batch. The text names the batch in messages.
Check = Callable[[Any, Any, str], None]


class Batches(Protocol):
    """Pairs of inputs and targets, and their number."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


class SeededBatches:
    """Batches of a loader whose random numbers depend only on a seed.

    The random numbers of the network do not change.

    places: the places of each batch's items in the data set; None if they are not known.
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
        # A loader may draw its order only when its first batch is read.
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
                    f"the loader ended after {number} of {len(self.loader)} batches; its len() "
                    "must be the number of batches of every epoch"
                )
            inputs, targets = as_pair(batch)
            if self.check is not None:
                self._look(self.check, inputs, targets, number)
            yield inputs, targets

    def _look(self, check: Check, inputs: Any, targets: Any, number: int) -> None:
        """Check a batch. Raises: the error of the check, for the first bad item if it is known."""
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
    """Turn errors of a loader and of its workers into a DataError."""
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
        raise DataError(f"the data cannot be read, {place}: {said}") from error


def _said_in_worker(error: Exception) -> str:
    """The type and first line of an error whose message is the traceback of a worker."""
    lines = str(error).strip().splitlines()
    begins = re.compile(rf"([\w.]+\.)?{type(error).__name__}\b")
    return next((line for line in reversed(lines) if begins.match(line)), lines[-1])


class SharedBatches:
    """The share of a rank in the rows of each batch."""

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
                    f"{self.ranks.count} processes cannot share equally; give a batch size that is "
                    f"a multiple of {self.ranks.count}, and drop_last=True"
                )
            rows = {len(one) if one.ndim else 0 for one in tensors_in(batch)}
            if rows != {size}:
                raise UsageError(
                    f"batch {number + 1} of the loader has tensors with "
                    f"{', '.join(map(str, sorted(rows)))} rows, but {self.ranks.count} processes "
                    "share the rows of each tensor; give every tensor one row for each sample, and "
                    "make other tensors buffers of the module"
                )
            yield apply_to_collection(batch, Tensor, self.ranks.share)


class TakenInTurn:
    """The batches of one rank: of `count` ranks, each gets every count-th batch."""

    def __init__(self, batches: Batches, ranks: Ranks):
        self.batches, self.ranks = batches, ranks

    def __len__(self) -> int:
        return len(self.ranks.share(range(len(self.batches))))

    def __iter__(self) -> Iterator[Any]:
        return islice(self.batches, self.ranks.number, None, self.ranks.count)


def _generators(loader: Any) -> list[torch.Generator]:
    """The generators of a loader and its samplers. They draw the order and the workers' seeds."""
    found = [getattr(owner, "generator", None) for owner in (loader, *samplers_of(loader))]
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def samplers_of(loader: Any) -> list[Any]:
    """The samplers of a loader and of its batch sampler."""
    owners = (loader, getattr(loader, "batch_sampler", None))
    return [getattr(owner, "sampler", None) for owner in owners]
