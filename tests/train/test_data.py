from types import SimpleNamespace

import numpy as np
import pytest
import torch

from signbit.data import ImageSet, load
from signbit.errors import DataError, UsageError
from signbit.format import Preprocessing
from signbit.models import to_input
from signbit.train import _epoch_data, load_recipe
from signbit.train._data import FileBatches, PixelData, _BatchReader
from signbit.train._epoch_data import DeviceBatches, epoch_seed, shuffled, split

PREPROCESSING = Preprocessing([1 / 128], [-1.0], (8, 8))


def test_split_holds_out_a_fraction_or_a_count():
    for val_size in (0.2, 20):
        train, held_out = split(100, val_size)
        assert (len(train), len(held_out)) == (80, 20)
        assert sorted(train.tolist() + held_out.tolist()) == list(range(100))


def test_split_is_the_same_for_every_run():
    assert torch.equal(split(1000, 100)[1], split(1000, 100)[1])


def test_no_validation_keeps_every_image():
    train, held_out = split(10, 0)
    assert train.tolist() == list(range(10))
    assert len(held_out) == 0


@pytest.mark.parametrize("val_size", [9, 10, 1000, 0.99])
def test_split_that_leaves_nothing_to_train_on_is_an_error(val_size):
    with pytest.raises(UsageError, match="at least 2 must remain"):
        split(10, val_size)


def test_split_that_holds_out_nothing_is_an_error():
    with pytest.raises(
        UsageError, match=r"val_size is 0.1, which holds out none of 5 .*, or 0 to train"
    ):
        split(5, 0.1)


def test_order_is_every_index_once_and_follows_from_the_seed():
    indices = torch.arange(0, 3000, 3)
    for blocks in ((), np.arange(0, 3000, 10)):
        order = shuffled(indices, 5, blocks)
        assert torch.equal(order.sort().values, indices)
        assert torch.equal(order, shuffled(indices, 5, blocks))
        assert not torch.equal(order, shuffled(indices, 6, blocks))


def test_blocks_are_mixed_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(_epoch_data, "SAMPLES_MIXED", 400)
    order = shuffled(torch.arange(10_000), 0, range(0, 10_000, 100))
    for window in order.split(400):
        assert len((window // 100).unique()) == 4
        # Mixed, not one block after the other.
        assert len((window[:50] // 100).unique()) > 1
    assert (order[:400] // 100).unique().tolist() != [0, 1, 2, 3]


def test_whole_blocks_are_held_out():
    train, held_out = split(1000, 250, blocks=range(0, 1000, 100))
    assert (len(train), len(held_out)) == (750, 250)
    assert torch.equal(torch.cat([train, held_out]).sort().values, torch.arange(1000))
    counts = torch.bincount(held_out // 100, minlength=10).sort(descending=True).values
    assert counts.tolist() == [100, 100, 50, *[0] * 7]
    assert torch.equal(split(1000, 250, blocks=range(0, 1000, 100))[1], held_out)


def test_blocks_larger_than_the_mix_are_mixed_in_pairs():
    order = shuffled(torch.arange(40_000), 0, range(0, 40_000, 10_000))
    assert len((order[:20_000] // 10_000).unique()) == 2


def test_seeds_differ_by_run_epoch_and_purpose():
    seeds = {epoch_seed(s, e, p) for s in range(5) for e in range(5) for p in ("order", "augment")}
    assert len(seeds) == 50


def test_device_batches_follow_the_order_and_end_with_the_rest():
    pixels = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1)
    values = pixels, {"labels": torch.arange(10)}
    batches = DeviceBatches(values, torch.tensor([3, 1, 4, 0, 9]).split(2), torch.device("cpu"))
    for images, targets in batches:
        assert images.flatten().tolist() == targets["labels"].tolist()
    assert [targets["labels"].tolist() for _, targets in batches] == [[3, 1], [4, 0], [9]]
    assert len(batches) == 3


class _Damaged:
    """Images of which one cannot be read."""

    shape = (10, 1, 1, 1)

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index):
        if 4 in index:
            raise DataError("cat.png is damaged")
        return np.zeros((len(index), 1, 1, 1), np.uint8)


def test_a_damaged_image_is_one_line_from_a_worker_too():
    images = ImageSet("x", "train", _Damaged(), np.arange(10), ["a"] * 10)
    batches = iter(FileBatches(images, torch.tensor([3, 1, 4]).split(2), pin_memory=False))
    next(batches)
    with pytest.raises(DataError, match=r"^cat.png is damaged$"):
        next(batches)


def test_file_batches_read_the_images_of_their_order():
    pixels = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    images = ImageSet("x", "train", pixels, np.arange(10), ["a"] * 10)
    batches = FileBatches(images, torch.tensor([3, 1, 4]).split(2), pin_memory=False)
    read = list(batches)
    assert len(read) == len(batches)
    assert [labels.tolist() for _, labels, _ in read] == [[3, 1], [4]]
    assert [images.flatten().tolist() for images, _, _ in read] == [[3, 1], [4]]


def fed(epoch: int, training: bool = True, **augmentation) -> PixelData:
    """The digits in an epoch of a run."""
    recipe = load_recipe("digits", {"augmentation": {"crop_padding": 0} | augmentation})
    data = PixelData(load("digits", "train"), recipe, PREPROCESSING)
    data.trainer = SimpleNamespace(  # pyright: ignore
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
        current_epoch=epoch,
        training=training,
    )
    data.setup("fit")
    return data


def images_by_place(data: PixelData, batches) -> dict[int, torch.Tensor]:
    """The real input that the network sees, by the image's place in the data set."""
    seen = {}
    for batch in batches:
        inputs, _ = data.on_after_batch_transfer(batch, 0)
        seen |= dict(zip(batch[2].tolist(), inputs, strict=True))
    return seen


def places(data: PixelData) -> list[int]:
    return [place for batch in data.train_dataloader() for place in batch[2].tolist()]


def test_order_is_drawn_anew_for_each_epoch_and_again_the_same():
    first, second = places(fed(0)), places(fed(1))
    assert first != second
    assert places(fed(1)) == second
    assert len(set(first)) == len(first) == 20 * 64
    assert set(first) <= set(fed(0).train_indices.tolist())


def test_augmentation_is_drawn_anew_for_each_epoch_and_again_the_same():
    seen = []
    for epoch in (0, 1, 1):
        data = fed(epoch, crop_padding=2)
        seen.append(images_by_place(data, data.train_dataloader()))
    both = seen[0].keys() & seen[1].keys()
    changed = [place for place in both if not torch.equal(seen[0][place], seen[1][place])]
    assert len(changed) > len(both) / 2
    assert all(torch.equal(image, seen[2][place]) for place, image in seen[1].items())


def test_an_alternating_flip_shows_each_image_both_ways_within_two_epochs():
    original = to_input(torch.from_numpy(load("digits", "train").images), PREPROCESSING)
    mirrored = []
    for epoch in (0, 1):
        data = fed(epoch, flip="alternating")
        seen = images_by_place(data, data.train_dataloader())
        for place, image in seen.items():
            assert torch.equal(image, original[place]) or torch.equal(
                image, original[place].flip(-1)
            )
        mirrored.append({p for p, image in seen.items() if not torch.equal(image, original[p])})
        assert 0.4 < len(mirrored[-1]) / len(seen) < 0.6
    assert not mirrored[0] & mirrored[1]


def test_held_out_images_are_not_augmented():
    original = to_input(torch.from_numpy(load("digits", "train").images), PREPROCESSING)
    data = fed(1, training=False, crop_padding=2, flip=True, cutout=3)
    seen = images_by_place(data, data.val_dataloader())
    assert sorted(seen) == data.val_indices.tolist()
    assert all(torch.equal(image, original[place]) for place, image in seen.items())


@pytest.mark.parametrize(("wanted", "batches"), [(2, 1), (200, 3), (100000, 20)])
def test_plain_inputs_are_full_batches_the_same_in_every_epoch(wanted, batches):
    changes = {"averaging": {"batch_norm_images": wanted}}
    recipe = load_recipe("digits", changes)
    data = PixelData(load("digits", "train"), recipe, PREPROCESSING)
    data.trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cpu")))  # pyright: ignore
    data.setup("fit")
    first, again = list(data.plain_inputs()), list(data.plain_inputs())
    assert [len(inputs) for inputs in first] == [64] * batches
    assert all(map(torch.equal, first, again))


def test_no_two_batches_of_files_share_memory():
    images = ImageSet("few", "train", np.zeros((6, 1, 1, 1), np.uint8), np.arange(6), ["a"])
    batches = _BatchReader(images, torch.arange(6).split(2)).batches
    assert len({one.untyped_storage().data_ptr() for one in batches}) == 3
