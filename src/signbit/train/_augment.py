"""Random crop, flip and cutout of a whole batch at once, on the device that holds it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.errors import UsageError
from signbit.train.recipe import Augmentation

# The default `input` of a recipe turns a pixel of this value into 0.
_MID_GREY = 128


def check_augmentation(settings: Augmentation, height: int, width: int) -> None:
    """Raises: UsageError if an image is too small to be mirrored at its edge."""
    if settings.crop_border == "reflect" and settings.crop_padding >= min(height, width):
        raise UsageError(
            f"augmentation.crop_padding is {settings.crop_padding}, but images of {height}x{width} "
            f"can be mirrored by at most {min(height, width) - 1} pixels; lower it, or set "
            "crop_border=black"
        )


def augment(
    pixels: Tensor, settings: Augmentation, generator: torch.Generator, mirrored: Tensor
) -> Tensor:
    """Crop from the image with a border around it, then mirror it and cut out a square.

    generator: a generator on the device of `pixels`.
    mirrored: (N,) bool, the images that an alternating flip mirrors.

    Shape:  (N, H, W, C) uint8 to the same.
    """
    if settings.crop_padding or settings.flip:
        pixels = _crop_and_flip(pixels, settings, generator, mirrored)
    if settings.cutout:
        pixels = _cut_out(pixels, settings.cutout, generator)
    return pixels


def _crop_and_flip(
    pixels: Tensor, settings: Augmentation, generator: torch.Generator, mirrored: Tensor
) -> Tensor:
    count, height, width, channels = pixels.shape
    device, pad = pixels.device, settings.crop_padding

    def draw(high: int) -> Tensor:
        return torch.randint(high, (count, 1), generator=generator, device=device)

    rows = torch.arange(height, device=device) + draw(2 * pad + 1)
    columns = torch.arange(width, device=device).expand(count, width)
    if settings.flip:
        mirror = mirrored[:, None] if settings.flip == "alternating" else draw(2) == 1
        columns = torch.where(mirror, columns.flip(1), columns)
    columns = columns + draw(2 * pad + 1)
    if settings.crop_border == "reflect":
        rows, columns = _reflect(rows - pad, height), _reflect(columns - pad, width)
    else:
        pixels = F.pad(pixels, (0, 0, pad, pad, pad, pad))
    # One gather moves whole pixels. Their places count the pixels of the whole batch.
    _, rows_of_each, columns_of_each, _ = pixels.shape
    rows = rows + torch.arange(count, device=device)[:, None] * rows_of_each
    places = rows[:, :, None] * columns_of_each + columns[:, None, :]
    return pixels.view(-1, channels)[places.flatten()].view(count, height, width, channels)


def _reflect(places: Tensor, size: int) -> Tensor:
    """Mirror places beyond the edges at the first or last pixel, by at most size - 1 pixels."""
    return size - 1 - (size - 1 - places.abs()).abs()


def _cut_out(pixels: Tensor, side: int, generator: torch.Generator) -> Tensor:
    count, height, width, _ = pixels.shape

    def inside(size: int) -> Tensor:
        middle = torch.randint(size, (count, 1), generator=generator, device=pixels.device)
        places = torch.arange(size, device=pixels.device) - middle + side // 2
        return (places >= 0) & (places < side)

    square = inside(height)[:, :, None] & inside(width)[:, None, :]
    return torch.where(square[..., None], _MID_GREY, pixels)
