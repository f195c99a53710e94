"""The caller's data for a run: arrays, data sets and loaders."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from signbit.errors import UsageError
from signbit.ranks import Ranks
from signbit.train._batch import tensors_in
from signbit.train._epoch_data import AbstractData, epoch_seed, plain_batches, split
from signbit.train._item_batches import as_pair, converted, whole
from signbit.train._loader_batches import Check
from signbit.train._memory_format import in_layout
from signbit.train._sources import (
    AbstractSource,
    ArraySource,
    ItemSource,
    LoaderSource,
)
from signbit.train.recipe import Recipe

_FORMS = (
    "give a pair of arrays (inputs, targets), a data set with items (input, target), or a "
    "DataLoader"
)


class OwnData(AbstractData):
    """The batches of a source of training samples, and of a source of validation samples if given.

    memory_format: the memory layout of inputs with four axes; None to keep their layout.
    """

    def __init__(
        self,
        train: AbstractSource,
        val: AbstractSource | None,
        recipe: Recipe,
        ranks: Ranks | None = None,
    ):
        super().__init__(ranks)
        self.memory_format: torch.memory_format | None = None
        self.train, self.val, self.recipe = train, val, recipe
        train.check_shares(self.ranks, to_train=True)
        if val is not None:
            val.check_shares(self.ranks, to_train=False)

    @property
    def steps_per_epoch(self) -> int:
        """The number of training batches in an epoch."""
        return self.train.steps

    @property
    def facts(self) -> dict[str, Any]:
        """The facts about the data that must be the same when the run is resumed."""
        return {
            "samples": self.train.samples,
            "steps": self.train.steps,
            "val_samples": None if self.val is None else self.val.samples,
            "targets_crc32": next((checksum(one) for _, one in arrays_of(self.train)), None),
        }

    def check_batches(self, check: Check) -> None:
        """From this call on, check each batch that is read."""
        for source in (self.train, self.val):
            if source is not None:
                source.check = check

    def setup(self, stage: str) -> None:
        """Move arrays to the device."""
        for source in (self.train, self.val):
            if isinstance(source, ArraySource):
                source.to(self.device)

    def train_dataloader(self) -> Any:
        """The training batches of this epoch."""
        return self.train.to_train(epoch_seed(self.recipe.seed, self.epoch, "order"), self.ranks)

    def val_dataloader(self) -> Any:
        """The held-out samples, in order; none in an epoch that ends without validation."""
        if self.val is None or not self.recipe.evaluates(self.epoch):
            return []
        return self.val.in_order(epoch_seed(self.recipe.seed, 0, "validation"), self.ranks)

    def plain_inputs(self) -> Iterator[Any]:
        """Inputs of training batches, the same in every epoch, also if a sample is random."""
        seed = epoch_seed(self.recipe.seed, 0, "batch norm")
        count = plain_batches(self.recipe.averaging, self.recipe.batch_size, self.train.steps)
        for inputs, _ in self.train.whole(seed, count, self.ranks):
            yield self._in_layout(move_data_to_device(inputs, self.device))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Any, Any]:
        """Give the inputs the memory layout of the network."""
        inputs, targets = batch
        return self._in_layout(inputs), targets

    def _in_layout(self, inputs: Any) -> Any:
        return inputs if self.memory_format is None else in_layout(inputs, self.memory_format)


def own_data(
    train_data: Any, val_data: Any, recipe: Recipe, workers: int, ranks: Ranks | None = None
) -> OwnData:
    """The data of a run.

    val_data: in any form that `train_data` may have; None to hold out `val_size` of `train_data`.
    ranks: the processes that train together; None for those that torchrun has started.

    Raises: UsageError if data have another form, or if no samples of them can be held out.
    """
    if val_data is not None:
        val = _source("val_data", val_data, recipe, workers)
        return OwnData(_source("train_data", train_data, recipe, workers), val, recipe, ranks)
    whole_source = _source("train_data", train_data, recipe, workers)
    if not recipe.val_size:
        return OwnData(whole_source, None, recipe, ranks)
    if isinstance(whole_source, LoaderSource):
        raise UsageError(
            f"val_size is {recipe.val_size:g}, but no samples of a DataLoader can be held out; "
            "give val_data, or set val_size=0 to train without validation"
        )
    parts = split(whole_source.samples or 0, recipe.val_size, "samples")
    train, val = (_source("train_data", train_data, recipe, workers, part) for part in parts)
    return OwnData(train, val, recipe, ranks)


def _source(
    name: str, data: Any, recipe: Recipe, workers: int, places: Tensor | None = None
) -> AbstractSource:
    if isinstance(data, tuple | list) and len(data) == 2:
        return _arrays(name, data, recipe, places)
    if _is_loader(data):
        if workers:
            raise UsageError(
                f"workers is {workers}, but {name} is a loader, which has its own workers; leave "
                "out workers"
            )
        return LoaderSource(data)
    if not hasattr(data, "__getitem__") or not hasattr(data, "__len__"):
        raise UsageError(f"{name} is {type(data).__name__}, without items or a length; {_FORMS}")
    if isinstance(data, Tensor | np.ndarray):
        raise UsageError(f"{name} is a single array; {_FORMS}")
    if places is None:
        places = torch.arange(_count(name, len(data)))
    return ItemSource(data, places, recipe.batch_size, workers)


def _is_loader(data: Any) -> bool:
    return hasattr(data, "__iter__") and not hasattr(data, "__getitem__")


def _arrays(
    name: str, data: tuple[Any, Any] | list[Any], recipe: Recipe, places: Tensor | None
) -> ArraySource:
    inputs, targets = (apply_to_collection(one, np.ndarray, _tensor) for one in as_pair(data))
    values = converted(inputs), whole(targets)
    for kind, part in zip(("inputs", "targets"), values, strict=True):
        if not tensors_in(part):
            raise UsageError(f"the {kind} of {name} are {type(part).__name__}; {_FORMS}")
    counts = {len(one) if one.ndim else 0 for one in tensors_in(values)}
    if len(counts) > 1:
        raise UsageError(
            f"the arrays of {name} have {', '.join(map(str, sorted(counts)))} rows; give each one "
            "a row for every sample"
        )
    count = _count(name, counts.pop())
    values = apply_to_collection(values, Tensor, Tensor.detach)
    return ArraySource(values, torch.arange(count) if places is None else places, recipe.batch_size)


def _tensor(array: np.ndarray) -> Tensor:
    try:
        return torch.from_numpy(array if array.flags.writeable else array.copy())
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"an array of {array.dtype} cannot become a tensor: {error}; give it another dtype"
        ) from error


def _count(name: str, count: int) -> int:
    if not count:
        raise UsageError(f"{name} has no samples; give at least one")
    return count


def first_batch(source: AbstractSource) -> tuple[Any, Any]:
    """The first batch of a source. Items are read without workers."""
    if isinstance(source, ItemSource):
        source = ItemSource(source.items, source.places, source.batch_size, workers=0)
    return as_pair(next(iter(source.in_order(0, Ranks()))))


def arrays_of(source: AbstractSource | None) -> Iterable[tuple[Any, Any]]:
    """All inputs and targets of a source, if it has them in memory."""
    return [source.values] if isinstance(source, ArraySource) else []


def checksum(values: Any) -> int:
    """A checksum of all tensors in a structure."""
    found = 0
    for tensor in tensors_in(values):
        plain = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        found = zlib.crc32(plain.numpy().tobytes(), found)
    return found
