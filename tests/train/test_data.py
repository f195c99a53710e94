from types import SimpleNamespace

import numpy as np
import pytest
import torch

from signbit.data import ImageSet, load
from signbit.errors import UsageError
from signbit.format import Preprocessing
from signbit.train import load_recipe
from signbit.train._data import DeviceBatches, PixelData, _FileBatches, epoch_seed, split


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
    with pytest.raises(UsageError, match="at least 2 must stay"):
        split(10, val_size)


def test_seeds_differ_by_run_epoch_and_purpose():
    seeds = {epoch_seed(s, e, p) for s in range(5) for e in range(5) for p in ("order", "augment")}
    assert len(seeds) == 50


def test_device_batches_follow_the_order_and_end_with_the_rest():
    pixels = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1)
    batches = DeviceBatches(pixels, torch.arange(10), torch.tensor([3, 1, 4, 0, 9]), 2)
    assert [labels.tolist() for _, labels, _ in batches] == [[3, 1], [4, 0], [9]]
    assert len(batches) == 3


def test_file_batches_read_the_images_of_their_order():
    pixels = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    images = ImageSet("x", "train", pixels, np.arange(10), ["a"] * 10)
    batches = _FileBatches(images, torch.tensor([3, 1, 4]), 2)
    read = [batches[index] for index in range(len(batches))]
    assert [labels.tolist() for _, labels, _ in read] == [[3, 1], [4]]
    assert [images.flatten().tolist() for images, _, _ in read] == [[3, 1], [4]]


@pytest.mark.parametrize(("wanted", "batches"), [(2, 1), (200, 3), (100000, 20)])
def test_plain_inputs_are_full_batches_the_same_in_every_epoch(wanted, batches):
    changes = {"averaging": {"batch_norm_images": wanted}}
    recipe = load_recipe("digits", changes)
    preprocessing = Preprocessing([1 / 128], [-1.0], (8, 8))
    data = PixelData(load("digits", "train"), recipe, preprocessing)
    data.trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cpu")))  # pyright: ignore
    data.setup("fit")
    first, again = list(data.plain_inputs()), list(data.plain_inputs())
    assert [len(inputs) for inputs in first] == [64] * batches
    assert all(map(torch.equal, first, again))
