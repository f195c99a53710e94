"""Draw the part of a training image that takes its place in an epoch."""

import math
from dataclasses import dataclass

import numpy as np

from signbit.train.recipe import RandomResizedCrop

_TRIES = 10
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class RandomBoxes:
    """The boxes of an epoch; that of an image depends on its place in the data set alone.

    So neither the order of the images nor the number of workers or ranks changes them.

    seed: of this epoch.

    Source: torchvision's `RandomResizedCrop`, whose distribution this is.
    """

    settings: RandomResizedCrop
    seed: int

    def __call__(self, place: int, width: int, height: int) -> Box:
        """Left, top, right and bottom of whole pixels of an image of this size."""
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
        """The largest part in the middle whose proportions are allowed."""
        least, most = self.settings.ratio
        across = min(width, max(round(height * most), 1))
        down = min(height, max(round(width / least), 1))
        left, top = (width - across) // 2, (height - down) // 2
        return left, top, left + across, top + down
