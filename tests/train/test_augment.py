import pytest
import torch

from signbit.train._augment import augment
from signbit.train.recipe import Augmentation


def changed(pixels, settings, seed=0, mirrored=None):
    nobody = torch.zeros(len(pixels), dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    return augment(pixels, settings, generator, nobody if mirrored is None else mirrored)


def numbered_images(count=64, height=5, width=6, channels=3):
    pixels = torch.arange(1, height * width * channels + 1, dtype=torch.uint8)
    return pixels.view(1, height, width, channels).repeat(count, 1, 1, 1)


def crops_of(image, pad):
    """Every crop that augmentation may choose, done dully."""
    height, width, channels = image.shape
    padded = torch.zeros(height + 2 * pad, width + 2 * pad, channels, dtype=torch.uint8)
    padded[pad : pad + height, pad : pad + width] = image
    return [
        padded[y : y + height, x : x + width]
        for y in range(2 * pad + 1)
        for x in range(2 * pad + 1)
    ]


def test_without_settings_pixels_are_unchanged():
    pixels = numbered_images()
    assert torch.equal(changed(pixels, Augmentation()), pixels)


@pytest.mark.parametrize("flip", [False, True])
def test_every_result_is_a_crop_of_the_padded_image_and_all_crops_occur(flip):
    pixels = numbered_images(count=2000)
    settings = Augmentation(crop_padding=2, flip=flip)
    results = changed(pixels, settings)
    allowed = crops_of(pixels[0], 2)
    if flip:
        # The image is mirrored, then cropped: the same set as mirrored crops.
        allowed = allowed + [crop.flip(1) for crop in allowed]
    known = {crop.numpy().tobytes() for crop in allowed}
    found = {result.numpy().tobytes() for result in results}
    assert found == known


def test_flip_alone_mirrors_about_half():
    pixels = numbered_images(count=1000)
    results = changed(pixels, Augmentation(flip=True))
    mirrored = (results == pixels.flip(2)).flatten(1).all(1)
    untouched = (results == pixels).flatten(1).all(1)
    assert torch.all(mirrored ^ untouched)
    # 1000 fair coins: standard deviation 15.8, so 100 off is 6 of them.
    assert abs(int(mirrored.sum()) - 500) < 100


def test_the_same_generator_gives_the_same_images():
    pixels, settings = numbered_images(), Augmentation(crop_padding=4, flip=True)
    first = changed(pixels, settings, 3)
    assert torch.equal(first, changed(pixels, settings, 3))
    assert not torch.equal(first, changed(pixels, settings, 4))
