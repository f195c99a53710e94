"""Random crop and flip of a whole batch at once, on the device that holds it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.train.recipe import Augmentation


def augment(pixels: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Crop from the image padded with black, mirror half of the images.

    generator: on the device of `pixels`.

    Shape:  (N, H, W, C) uint8 to the same.
    """
    if not settings.crop_padding and not settings.flip:
        return pixels
    count, height, width, channels = pixels.shape
    device, pad = pixels.device, settings.crop_padding

    def draw(high: int) -> Tensor:
        return torch.randint(high, (count, 1), generator=generator, device=device)

    rows = torch.arange(height, device=device) + draw(2 * pad + 1)
    columns = torch.arange(width, device=device).expand(count, width)
    if settings.flip:
        columns = torch.where(draw(2) == 1, columns.flip(1), columns)
    columns = columns + draw(2 * pad + 1)
    padded = F.pad(pixels, (0, 0, pad, pad, pad, pad))
    # One gather of whole pixels: their places in the padded batch, seen as a list of pixels.
    _, padded_height, padded_width, _ = padded.shape
    rows = rows + torch.arange(count, device=device)[:, None] * padded_height
    places = rows[:, :, None] * padded_width + columns[:, None, :]
    return padded.view(-1, channels)[places.flatten()].view(pixels.shape)
