"""Which part of an image becomes an input, and that all ways of cutting it agree."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signbit.data import read_image
from signbit.data._boxes import centre_box
from signbit.data._image import cut_array, read_box
from signbit.errors import UsageError

SIZES = [(500, 375), (375, 500), (256, 256), (224, 224), (60, 400), (17, 11), (1, 1), (333, 251)]


def smooth(width: int, height: int) -> Image.Image:
    """An image in which a shift by a pixel shows."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    channels = [128 + 90 * np.sin(x / 7), 128 + 90 * np.cos(y / 9), (x * 5 + y * 3) % 256]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def save(image: Image.Image, name: str = "a.png", **options: object) -> Path:
        image.save(tmp_path / name, **options)  # pyright: ignore[reportArgumentType]
        return tmp_path / name

    return save


def as_torchvision(image: Image.Image, size: int, resized: int) -> np.ndarray:
    """Resize(resized) and CenterCrop(size), as torchvision computes them on images of Pillow."""
    width, height = image.size
    if width <= height:
        whole = (resized, int(resized * height / width))
    else:
        whole = (int(resized * width / height), resized)
    left, top = (round((side - size) / 2) for side in whole)
    scaled = image.resize(whole, Image.Resampling.BILINEAR)
    return np.asarray(scaled.crop((left, top, left + size, top + size)))


@pytest.mark.parametrize("size", SIZES)
def test_a_crop_is_resize_and_centre_crop_of_torchvision(save, size):
    image = smooth(*size)
    found = read_image(save(image), (224, 224), 3, crop=0.875)
    expected = as_torchvision(image, 224, 256)
    # The box ends within pixels, so the last bit of a weight of the filter may differ.
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert (found == expected).mean() > 0.99


def test_a_crop_of_all_keeps_the_proportions(save):
    image = smooth(200, 100)
    found = read_image(save(image), (100, 100), 3, crop=1)
    assert np.array_equal(found, np.asarray(image)[:, 50:150])
    assert not np.array_equal(found, read_image(save(image), (100, 100), 3))


def test_an_image_of_the_size_is_cropped_too(save):
    image = smooth(64, 64)
    assert np.array_equal(read_image(save(image), (64, 64), 3), np.asarray(image))
    found = read_image(save(image), (64, 64), 3, crop=0.5)
    expected = image.resize((128, 128), Image.Resampling.BILINEAR).crop((32, 32, 96, 96))
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= 1


def test_inputs_that_are_not_square_are_covered(save):
    left, top, right, bottom = centre_box(400, 100, (32, 64), 0.5)
    # 64x128 must be covered: the scaled image is 256 wide and 64 high.
    assert (right - left, bottom - top) == (100, 50)
    assert (left, top) == (150, 25)
    assert read_image(save(smooth(400, 100)), (32, 64), 3, crop=0.5).shape == (32, 64, 3)


@pytest.mark.parametrize("crop", [0, -1, 1.01, float("nan"), float("inf"), 1e-300, True, "0.5"])
def test_shares_that_are_none_are_refused(save, crop):
    with pytest.raises(UsageError, match=r"crop is .*; give a share of the image, 0\.0625 to 1"):
        read_image(save(smooth(8, 8)), (4, 4), 3, crop=crop)


def test_a_drawn_box_is_that_part_of_the_file(save):
    image = smooth(300, 200)
    box = (40, 60, 200, 180)
    found = read_box(save(image), (60, 80), 3, lambda width, height: box)
    expected = image.crop(box).resize((80, 60), Image.Resampling.BILINEAR)
    difference = np.abs(found.astype(int) - np.asarray(expected))
    # Filters look over the edge of the box, and shrink in two steps.
    assert np.median(difference) <= 1
    assert difference[5:-5, 5:-5, :2].max() <= 4


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_boxes_of_a_jpeg_are_those_of_the_upright_image(save, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = smooth(640, 480)
    held = save(image, "a.jpg", quality=100, subsampling=0, exif=exif)
    seen: list[tuple[int, int]] = []
    box = (100.0, 40.0, 420.0, 360.0)

    def choose(width: int, height: int):
        seen.append((width, height))
        return box

    found = read_box(held, (80, 80), 3, choose)
    upright = (640, 480) if orientation in (1, 3) else (480, 640)
    assert seen == [upright]
    whole = Image.fromarray(read_image(held, (upright[1], upright[0]), 3))
    expected = whole.resize((80, 80), Image.Resampling.BILINEAR, box)
    assert np.abs(found.astype(int) - np.asarray(expected))[..., :2].mean() < 3


def test_a_jpeg_is_decoded_smaller_only_where_that_is_enough(save, monkeypatch):
    decoded = []
    draft = Image.Image.draft
    from PIL import JpegImagePlugin

    draft = JpegImagePlugin.JpegImageFile.draft

    def noting(self, mode, size):
        result = draft(self, mode, size)
        decoded.append(self.size)
        return result

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "draft", noting)
    path = save(smooth(640, 480), "a.jpg")
    for box in [(0, 0, 640, 480), (0, 0, 320, 240), (10, 10, 170, 130), (0, 0, 90, 70)]:
        read_box(path, (60, 80), 3, lambda width, height, box=box: box)
    # The part has 80x60 pixels or more after decoding at 1/8, 1/4, 1/2 and whole.
    assert decoded == [(80, 60), (160, 120), (320, 240), (640, 480)]


def test_arrays_and_files_give_the_same_part(save):
    image = smooth(32, 32)
    box = (3, 5, 30, 20)
    from_file = read_box(save(image), (32, 32), 3, lambda width, height: box)
    assert np.array_equal(cut_array(np.asarray(image), lambda width, height: box), from_file)
    grey = np.asarray(image.convert("L"))[..., None]
    assert cut_array(grey, lambda width, height: box).shape == (32, 32, 1)


def test_a_cmyk_jpeg_is_cut_as_rgb(save):
    held = io.BytesIO()
    Image.new("CMYK", (64, 64), (0, 255, 255, 0)).save(held, "jpeg")
    part = read_box("x", (8, 8), 3, lambda width, height: (0, 0, 64, 64), held.getvalue())
    red, green, blue = part[4, 4].tolist()
    assert red > 200 > 60 > max(green, blue)
