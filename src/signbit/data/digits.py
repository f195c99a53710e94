"""Handwritten digits, embedded in the package."""

from importlib.resources import files

import numpy as np

from signbit.data._types import ImageSet, Request, datasets

TEST_EVERY = 5


@datasets.register("digits")
def digits(request: Request) -> ImageSet:
    """1,797 scans of handwritten digits, 8x8 grey; every fifth one, from the first, is for testing.

    The 17 grey levels of the source are spread over 0 to 255. The split into 1,437 and 360 images
    is our own. The same writers are in both parts, so the accuracy does not hold for new writers.

    Shape:  (N, 8, 8, 1) uint8.
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
        Learning Repository, doi:10.24432/C50P49 (CC BY 4.0), as scikit-learn has it.
    """
    with files("signbit.data").joinpath("digits.npz").open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        images, labels = arrays["images"], arrays["labels"]
    held_out = np.arange(len(labels)) % TEST_EVERY == 0
    chosen = held_out if request.split == "test" else ~held_out
    return ImageSet(
        name=request.name,
        split=request.split,
        images=images[chosen][..., None],
        labels=labels[chosen].astype(np.int64),
        classes=tuple("0123456789"),
    )
