"""The images of a run: uint8 on the device, or files that worker processes read."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from signbit.data import ImageSet, blocks_of, parts_of
from signbit.errors import SignbitError
from signbit.format import Preprocessing
from signbit.models import to_input
from signbit.ranks import Ranks
from signbit.train._augment import augment, check_augmentation
from signbit.train._epoch_data import (
    AbstractData,
    DeviceBatches,
    epoch_seed,
    full_batches,
    held_out_batches,
    joint_size,
    plain_batches,
    shuffled,
    split,
    training_batches,
    whole_batches,
)
from signbit.train._random_crop import RandomBoxes
from signbit.train.recipe import Recipe

_MAX_WORKERS = 8


class FileBatches:
    """Batches of a data set, which worker processes read.

    batches: the places of the images of each batch.
    boxes: draws the parts of the images that are read; None for whole images.
    workers: the number of processes; None for one per core, but at most _MAX_WORKERS.
    """

    def __init__(
        self,
        images: ImageSet,
        batches: Sequence[Tensor],
        pin_memory: bool,
        boxes: RandomBoxes | None = None,
        workers: int | None = None,
    ):
        workers = min(os.cpu_count() or 1, _MAX_WORKERS) if workers is None else workers
        self._loader = DataLoader(
            _BatchReader(images, batches, boxes),
            batch_size=None,
            num_workers=workers,
            pin_memory=pin_memory,
        )

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for batch in self._loader:
            if isinstance(batch, SignbitError):
                raise batch
            yield batch


class _BatchReader(Dataset):
    """One item is one batch, or the error that was raised while it was read.

    If a worker raised the error itself, its message would be the worker's traceback.
    """

    def __init__(
        self, images: ImageSet, batches: Sequence[Tensor], boxes: RandomBoxes | None = None
    ):
        self.images, self.boxes = images, boxes
        # Each batch has memory of its own. A worker moves this memory to a place that the main
        # process can read, and at the same time it already reads the next batch.
        self.batches = [places.clone() for places in batches]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor] | SignbitError:
        places = self.batches[index].numpy()
        try:
            images = self.images.images
            read = images[places] if self.boxes is None else parts_of(images, places, self.boxes)
            pixels = torch.from_numpy(np.ascontiguousarray(read))
        except SignbitError as error:
            return error
        return pixels, torch.from_numpy(self.images.labels[places]), self.batches[index]


class PixelData(AbstractData):
    """Training and validation batches of one data set, as real input of the network.

    A batch is read as pixels, labels, and the places of its images in the data set.

    memory_format: the memory layout of the input; it must be that of the network.
    """

    def __init__(
        self,
        images: ImageSet,
        recipe: Recipe,
        preprocessing: Preprocessing,
        memory_format: torch.memory_format = torch.contiguous_format,
        ranks: Ranks | None = None,
    ):
        super().__init__(ranks)
        self.memory_format = memory_format
        self.images, self.recipe, self.preprocessing = images, recipe, preprocessing
        self.train_indices, self.val_indices = split(
            len(images.labels), recipe.val_size, blocks=blocks_of(images.images)
        )
        _, height, width, _ = images.images.shape
        check_augmentation(recipe.augmentation, height, width)
        joint_size(len(self.train_indices), recipe.batch_size, self.ranks)
        if len(self.val_indices):
            held_out_batches(self.val_indices, recipe.batch_size, self.ranks)
        self._resident: tuple[Tensor, ...] | None = None
        self._generator = torch.Generator()
        self._mirrored = torch.empty(0)

    @property
    def steps_per_epoch(self) -> int:
        """The number of full batches of training images; 1 if there is only a smaller batch."""
        return full_batches(len(self.train_indices), self.recipe.batch_size)

    def setup(self, stage: str) -> None:
        """Move a data set that is in memory to the device, unless parts of its images are drawn."""
        whole = self.recipe.augmentation.random_resized_crop is None
        if whole and isinstance(self.images.images, np.ndarray):
            pixels = torch.from_numpy(self.images.images).to(self.device)
            labels = torch.from_numpy(self.images.labels).to(self.device)
            self._resident = pixels, labels, torch.arange(len(labels), device=self.device)
        # The images that an alternating flip mirrors in even epochs.
        coins = torch.Generator().manual_seed(epoch_seed(self.recipe.seed, 0, "flip"))
        drawn = torch.randint(2, (len(self.images.labels),), generator=coins)
        self._mirrored = drawn.to(self.device) == 1

    def train_dataloader(self) -> Any:
        """The training images, shuffled for this epoch, without a last batch that is not full."""
        epoch, seed = self.epoch, self.recipe.seed
        size, ranks, blocks = self.recipe.batch_size, self.ranks, blocks_of(self.images.images)
        self._generator = torch.Generator(self.device)
        self._generator.manual_seed(epoch_seed(seed, epoch, "augment", ranks))
        parts = self.recipe.augmentation.random_resized_crop
        boxes = None if parts is None else RandomBoxes(parts, epoch_seed(seed, epoch, "crop"))
        order = shuffled(self.train_indices, epoch_seed(seed, epoch, "order"), blocks)
        return self._batches(training_batches(order, size, ranks), boxes)

    def val_dataloader(self) -> Any:
        """The held-out images, in order; none in an epoch that ends without validation."""
        if not (self.recipe.evaluates(self.epoch) and len(self.val_indices)):
            return []
        return self._batches(held_out_batches(self.val_indices, self.recipe.batch_size, self.ranks))

    def plain_inputs(self) -> Iterator[Tensor]:
        """The real input of training images without augmentation, the same in every epoch.

        There are about `averaging.batch_norm_images` of them: at least one full batch, and at most
        all full batches.
        """
        size = self.recipe.batch_size
        count = plain_batches(self.recipe.averaging, size, self.steps_per_epoch)
        seed, blocks = epoch_seed(self.recipe.seed, 0, "batch norm"), blocks_of(self.images.images)
        order = shuffled(self.train_indices, seed, blocks)
        for pixels, _, _ in self._batches(whole_batches(order, size, count, self.ranks)):
            yield self._to_input(pixels.to(self.device))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> tuple[Tensor, Tensor]:
        """Augment the images in training, then turn pixels into real input."""
        pixels, labels, places = batch
        assert self.trainer is not None
        if self.trainer.training:
            mirrored = self._mirrored[places] ^ (self.epoch % 2 == 1)
            pixels = augment(pixels, self.recipe.augmentation, self._generator, mirrored)
        return self._to_input(pixels), labels

    def _to_input(self, pixels: Tensor) -> Tensor:
        return to_input(pixels, self.preprocessing, self.memory_format)

    def _batches(self, batches: Sequence[Tensor], boxes: RandomBoxes | None = None) -> Any:
        if self._resident is not None:
            return DeviceBatches(self._resident, batches, self.device)
        # The processes of this machine share its cores.
        workers = max(min(os.cpu_count() or 1, _MAX_WORKERS) // self.ranks.local_count, 1)
        pin_memory = self.device.type == "cuda"
        return FileBatches(self.images, batches, pin_memory, boxes, workers)
