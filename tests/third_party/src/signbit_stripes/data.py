"""Images of stripes."""

import numpy as np

from signbit.data import ImageSet, Request, datasets

COUNTS = {"train": 512, "test": 128}


@datasets.register("stripes")
def stripes(request: Request) -> ImageSet:
    """Stripes that lie or stand, 8x8 grey, with noise; the same each time.

    Shape:  (N, 8, 8, 1) uint8.
    """
    count = COUNTS[request.split]
    generator = np.random.default_rng(count)
    labels = generator.integers(0, 2, count)
    rows = 160 * (np.arange(8) // 2 % 2)
    lying = np.broadcast_to(rows[:, None], (8, 8))
    images = np.where(labels[:, None, None] == 0, lying, lying.T)
    images = images + generator.integers(0, 96, images.shape)
    return ImageSet(
        name=request.name,
        split=request.split,
        images=images.astype(np.uint8)[..., None],
        labels=labels,
        classes=("lying", "standing"),
    )
