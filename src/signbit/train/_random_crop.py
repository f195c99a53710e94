"""Draw the part of each training image that is used in an epoch."""

import math
from dataclasses import dataclass

import numpy as np

from signbit.train.recipe import RandomResizedCrop

_TRIES = 10
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class RandomBoxes:
    """The random boxes of an epoch.

    In an epoch, the box of an image depends only on the image's place in the data set. The order of
    the images and the number of workers or ranks do not change it.

    seed: the seed of this epoch.

    Source: the distribution is that of torchvision's `RandomResizedCrop`.
    """

    settings: RandomResizedCrop
    seed: int

    def __call__(self, place: int, width: int, height: int) -> Box:
        """Left, top, right and bottom of the box, in whole pixels, for an image of this size."""
        generator = np.random.default_rng([self.seed, place])
        low, high = map(math.log, self.settings.ratio)
        for _ in range(_TRIES):
            area = width * height * generator.uniform(*self.settings.scale)
            ratio = math.exp(generator.uniform(low, high))
            across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < across <= width and 0 < down <= height:
                left = int(generator.integers(width - across + 1))
                top = int(generator.integers(height - down + 1))
                return left, top, left + across, top + down
        return self._centre(width, height)

    def _centre(self, width: int, height: int) -> Box:
        """The largest box in the middle with allowed proportions."""
        least, most = self.settings.ratio
        across = min(width, max(round(height * most), 1))
        down = min(height, max(round(width / least), 1))
        left, top = (width - across) // 2, (height - down) // 2
        return left, top, left + across, top + down
