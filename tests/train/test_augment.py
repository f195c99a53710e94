import pytest
import torch
import torch.nn.functional as F

from signbit.errors import UsageError
from signbit.train._augment import augment, check_augmentation
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


def test_reflection_continues_the_image_at_its_edges():
    pixels = numbered_images(count=2000)
    results = changed(pixels, Augmentation(crop_padding=2, crop_border="reflect"))
    image = pixels[0].permute(2, 0, 1).float()
    padded = F.pad(image, (2, 2, 2, 2), mode="reflect").permute(1, 2, 0).to(torch.uint8)
    crops = [padded[y : y + 5, x : x + 6] for y in range(5) for x in range(5)]
    known = {crop.numpy().tobytes() for crop in crops}
    assert {result.numpy().tobytes() for result in results} == known


def test_a_border_wider_than_the_image_is_an_error():
    settings = Augmentation(crop_padding=5, crop_border="reflect")
    with pytest.raises(UsageError, match="can be mirrored by at most 4 pixels"):
        check_augmentation(settings, 5, 6)
    check_augmentation(Augmentation(crop_padding=5), 5, 6)


def test_an_alternating_flip_mirrors_those_it_is_told_to():
    pixels = numbered_images(count=4)
    mirrored = torch.tensor([True, False, False, True])
    results = changed(pixels, Augmentation(flip="alternating"), mirrored=mirrored)
    for result, image, told in zip(results, pixels, mirrored, strict=True):
        assert torch.equal(result, image.flip(1) if told else image)


def test_cutout_is_a_square_that_may_lie_partly_outside():
    pixels = torch.full((2000, 5, 6, 2), 7, dtype=torch.uint8)
    results = changed(pixels, Augmentation(cutout=3))
    grey = results == 128
    assert ((results == 7) | grey).all()
    assert torch.equal(grey[..., 0], grey[..., 1])
    heights = grey[..., 0].any(2).sum(1)
    widths = grey[..., 0].any(1).sum(1)
    assert torch.equal(grey[..., 0].sum((1, 2)), heights * widths)
    assert set(heights.tolist()) == set(widths.tolist()) == {2, 3}
    # Every pixel is hit.
    assert grey.any(0).all()
