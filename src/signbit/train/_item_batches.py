"""Join the items of a data set into batches."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from signbit.errors import DataError, SignbitError, UsageError, first_line

_ALLOWED = "give the data set a transform that makes tensors, arrays or numbers"


class ItemBatches(Dataset):
    """One item is one batch, or the error that was raised while it was read.

    If a worker raised the error itself, its message would be the worker's traceback.

    items: the data set; its items are pairs of an input and a target.
    batches: the places of the items of each batch.
    seed: the random numbers of an item depend on this seed and on the item's place.
    """

    def __init__(self, items: Any, batches: Sequence[Tensor], seed: int):
        self.items, self.seed = items, seed
        self.places = [batch.tolist() for batch in batches]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> tuple[Any, Any] | SignbitError:
        places = self.places[number]
        try:
            return _joined([self._read(place) for place in places], places)
        except SignbitError as error:
            return error

    def _read(self, place: int) -> tuple[Any, Any]:
        seed_all(self.seed, place)
        try:
            item = self.items[place]
        except (SignbitError, MemoryError):
            raise
        # A data set of the caller's may raise any error.
        except Exception as error:
            length = f"; its len() is {len(self.items)}" if isinstance(error, LookupError) else ""
            raise DataError(
                f"item {place} of the data set raised {type(error).__name__}: {first_line(error)}"
                f"{length}"
            ) from error
        return as_pair(item)


def seed_all(seed: int, place: int = -1) -> None:
    """Seed the generators of torch, `random` and NumPy."""
    drawn = np.random.SeedSequence([seed, place + 1]).generate_state(2, np.uint64)
    torch.manual_seed(int(drawn[0] >> 1))
    random.seed(int(drawn[0]))
    np.random.seed(int(drawn[1] & 0xFFFFFFFF))


def as_pair(batch: Any) -> tuple[Any, Any]:
    """The inputs and the targets of a batch. Raises: UsageError for a batch of another form."""
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    parts = f" of {len(batch)} parts" if isinstance(batch, tuple | list | Mapping) else ""
    raise UsageError(
        f"a sample or batch is a {type(batch).__name__}{parts}; give a pair (input, target). If "
        "there are several inputs, make the first part of the pair a tuple or a dict"
    )


def _joined(samples: list[tuple[Any, Any]], places: list[int]) -> tuple[Any, Any]:
    """A batch of samples. Real numbers become float32, and whole numbers in targets int64."""
    inputs, targets = zip(*samples, strict=True)
    return (
        converted(_collated("input", list(inputs), places)),
        whole(_collated("target", list(targets), places)),
    )


def _collated(part: str, values: list[Any], places: list[int]) -> Any:
    """Join one part of all samples. Raises: UsageError with an item that cannot be joined."""
    try:
        return default_collate(values)
    # torch raises errors of many types for samples that it cannot join.
    except Exception as error:
        forms = [_form(value) for value in values]
        odd = next((at for at, form in enumerate(forms) if form != forms[0]), None)
        where = f"the {part} of item {places[0]}"
        if odd is None:
            reason = f"{where} is {forms[0]}; {_ALLOWED}"
        else:
            reason = f"{where} is {forms[0]}, but that of item {places[odd]} is {forms[odd]}; give "
            reason += "the data set a transform, such as a resize, that makes both alike"
        raise UsageError(f"the items of the data set do not form a batch: {reason}") from error


def _form(value: Any) -> str:
    """Type and shape of a part of a sample."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_form(one)}" for key, one in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(_form, value)) + ")"
    if isinstance(value, Tensor | np.ndarray):
        return f"{value.dtype} {tuple(value.shape)}"
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def converted(values: Any) -> Any:
    """Tensors with float32 in place of float64."""
    return apply_to_collection(
        values, Tensor, lambda one: one.float() if one.dtype is torch.float64 else one
    )


def whole(targets: Any) -> Any:
    """Targets as in `converted`, with int64 in place of other whole numbers."""
    return apply_to_collection(converted(targets), Tensor, _as_int64)


def _as_int64(one: Tensor) -> Tensor:
    keep = one.is_floating_point() or one.is_complex() or one.dtype is torch.bool
    return one if keep else one.long()
