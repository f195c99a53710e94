"""The images that torch and the engine are compared on."""

import numpy as np
from numpy.typing import NDArray

from signbit.format import Preprocessing


def images_for(preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """24 images: noise, constants, extremes, edges, ramps, blobs; each channel differs a little.

    Shape: (24, H, W, C) uint8.
    """
    rng = np.random.default_rng(7)
    height, width = preprocessing.size
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    v, u = y / max(height - 1, 1), x / max(width - 1, 1)
    noise = [rng.uniform(0, 256, (height, width)) for _ in range(6)]
    constants = [np.full((height, width), value) for value in (0.0, 255.0, 128.0, 61.0)]
    extremes = [255.0 * (rng.random((height, width)) < share) for share in (0.5, 0.1, 0.9)]
    extremes.append(255.0 * ((x + y) % 2))
    edges = [255.0 * (u > 0.5), 255.0 * (v > 0.4), 200.0 * (u > v) + 20]
    ramps = [255 * u, 255 * (1 - v), 127 * (u + v)]
    blobs = [
        255 * np.exp(-((u - rng.random()) ** 2 + (v - rng.random()) ** 2) / size)
        for size in (0.02, 0.1, 0.3, 1.0)
    ]
    plain = np.stack([*noise, *constants, *extremes, *edges, *ramps, *blobs])
    # A constant image stays one in each channel.
    gains = rng.uniform(0.6, 1.0, (len(plain), preprocessing.channels))
    gains[6:10] = 1.0
    return np.clip(plain[..., None] * gains[:, None, None], 0, 255).astype(np.uint8)
