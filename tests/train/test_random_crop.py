"""Random resized crops: their distribution, and that only seed, epoch and place decide them."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.parts import picture
from PIL import Image

from signbit.data import ImageSet, load
from signbit.errors import UsageError
from signbit.format import Preprocessing
from signbit.train import load_recipe, train
from signbit.train._data import FileBatches, PixelData
from signbit.train._random_crop import RandomBoxes
from signbit.train.recipe import RandomResizedCrop


def test_boxes_follow_from_seed_and_place_alone():
    boxes = RandomBoxes(RandomResizedCrop(), 7)
    again = [boxes(place, 500, 375) for place in (3, 2, 1)]
    assert again[::-1] == [RandomBoxes(RandomResizedCrop(), 7)(n, 500, 375) for n in (1, 2, 3)]
    assert len({boxes(place, 500, 375) for place in range(50)}) == 50
    assert RandomBoxes(RandomResizedCrop(), 8)(1, 500, 375) != boxes(1, 500, 375)


def test_boxes_have_the_areas_and_proportions_that_are_asked_for():
    settings = RandomResizedCrop(scale=(0.25, 0.5), ratio=(0.5, 2))
    boxes = RandomBoxes(settings, 0)
    areas, ratios, lefts = [], [], []
    for place in range(3000):
        left, top, right, bottom = boxes(place, 400, 400)
        assert 0 <= left < right <= 400
        assert 0 <= top < bottom <= 400
        areas.append((right - left) * (bottom - top) / 400**2)
        ratios.append(math.log2((right - left) / (bottom - top)))
        lefts.append(left / (400 - (right - left)))
    assert min(areas) > 0.245
    assert max(areas) < 0.505
    assert np.mean(areas) == pytest.approx(0.375, abs=0.01)
    # Logarithms of proportions are uniform between -1 and 1, places between the edges.
    assert np.mean(ratios) == pytest.approx(0, abs=0.05)
    assert np.std(ratios) == pytest.approx(1 / math.sqrt(3), abs=0.03)
    assert np.mean(lefts) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        # No part of such proportions holds the area: the middle, as wide as is allowed.
        ((1000, 10), (493, 0, 506, 10)),
        ((10, 1000), (0, 493, 10, 506)),
        ((1, 1), (0, 0, 1, 1)),
    ],
)
def test_where_no_part_fits_the_middle_is_taken(size, expected):
    boxes = RandomBoxes(RandomResizedCrop(scale=(0.9, 1)), 0)
    left, top, right, bottom = boxes(0, *size)
    assert (left, top, right, bottom) == expected


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        ({"random_resized_crop": {"scale": [0.5, 0.1]}}, "give the smaller number first"),
        ({"random_resized_crop": {"scale": [0, 1]}}, "greater than 0"),
        ({"random_resized_crop": {"scale": [0.1, 2]}}, "less than or equal to 1"),
        ({"random_resized_crop": {"ratio": [0.5]}}, "random_resized_crop.ratio"),
        ({"random_resized_crop": {"area": [0.5, 1]}}, "unknown key"),
        (
            {"random_resized_crop": {}, "crop_padding": 4},
            "crop_padding is 4, but random_resized_crop already crops",
        ),
    ],
)
def test_settings_that_are_wrong_are_refused(augmentation, message):
    with pytest.raises(UsageError, match=message):
        load_recipe("digits", {"augmentation": augmentation})


@pytest.fixture
def pictures(tmp_path):
    """Twelve pictures of 60x40, red to the left and green to the right of the middle."""
    for number in range(12):
        pixels = np.zeros((40, 60, 3), np.uint8)
        pixels[:, :30, 0], pixels[:, 30:, 1], pixels[..., 2] = 200, 200, number * 20
        Image.fromarray(pixels).save(tmp_path / f"{number % 2}_{number}.png")
    return f"folder:{tmp_path}"


def parts(images: ImageSet, order: list[int], workers: int, seed: int = 5) -> dict[int, bytes]:
    boxes = RandomBoxes(RandomResizedCrop(scale=(0.1, 0.4)), seed)
    batches = FileBatches(images, torch.tensor(order).split(5), False, boxes, workers)
    return {
        place: one.tobytes()
        for pixels, _, places in batches
        for place, one in zip(places.tolist(), pixels.numpy(), strict=True)
    }


def test_parts_do_not_depend_on_order_or_workers(pictures):
    images = load(pictures, "train", size=(16, 16), in_memory=False)
    forwards = parts(images, list(range(12)), 0)
    assert parts(images, list(range(12))[::-1], 2) == forwards
    assert parts(images, list(range(12)), 0, seed=6) != forwards


def test_workers_read_row_groups_of_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.table(
        {"image": [picture(value, (60, 40)) for value in range(12)], "label": [0] * 12}
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=5)
    images = load(f"parquet:{tmp_path}", "train", size=(16, 16), channels=1, in_memory=False)
    order = [11, 0, 5, 4, 3, 10, 9, 1, 2, 8, 7, 6]
    inside = parts(images, order, 0)
    assert parts(images, order, 2) == inside
    assert [inside[place][0] for place in range(12)] == list(range(12))


def test_parts_are_cut_from_the_file_and_not_from_what_it_was_resized_to(pictures):
    files = load(pictures, "train", size=(16, 16), in_memory=False)
    small = load(pictures, "train", size=(16, 16))
    assert isinstance(small.images, np.ndarray)
    # The box has the proportions of the file in one case, those of the small image in the other.
    boxes: list[tuple[int, int]] = []

    class Noting(RandomBoxes):
        def __call__(self, place, width, height):
            boxes.append((width, height))
            return super().__call__(place, width, height)

    for images in (files, small):
        list(FileBatches(images, [torch.tensor([1])], False, Noting(RandomResizedCrop(), 1), 0))
    assert boxes == [(60, 40), (16, 16)]


def data_of(images: ImageSet, **augmentation: object) -> PixelData:
    settings = {"augmentation": {"crop_padding": 0, **augmentation}, "val_size": 4}
    recipe = load_recipe("digits", {**settings, "batch_size": 4})
    preprocessing = Preprocessing([1 / 128] * 3, [-1.0] * 3, (16, 16))
    return PixelData(images, recipe, preprocessing)


def test_only_training_images_are_drawn(pictures):
    images = load(pictures, "train", size=(16, 16))
    data = data_of(images, random_resized_crop={"scale": [0.1, 0.2]})
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(current_epoch=0, strategy=strategy, training=True)  # pyright: ignore
    data.setup("fit")
    for pixels, _, places in data.val_dataloader():
        assert np.array_equal(pixels.numpy(), images.images[places.numpy()])
    drawn = [(pixels, places) for pixels, _, places in data.train_dataloader()]
    for pixels, places in drawn:
        assert not np.array_equal(pixels.numpy(), images.images[places.numpy()])
    again = [pixels for pixels, _, _ in data.train_dataloader()]
    assert all(torch.equal(one, other) for (one, _), other in zip(drawn, again, strict=True))


@pytest.mark.parametrize("kind", ["folder", "digits"])
def test_a_run_with_drawn_parts_trains(kind, tiny_run, pictures):
    settings = {
        "epochs": 1,
        "batch_size": 4 if kind == "folder" else 64,
        "val_size": 2,
        "model": {"width": 4, **({"input_size": [8, 8]} if kind == "folder" else {})},
        "augmentation": {"random_resized_crop": {}, "crop_padding": 0},
    }
    data = pictures if kind == "folder" else "digits"
    run = replace(tiny_run, recipe=load_recipe("digits", settings), data=data)
    metrics = train(run)
    assert {"loss", "val_accuracy", "feed_share"} <= metrics.keys()
    assert 0 <= metrics["feed_share"] <= 1
