"""CIFAR-10: 60,000 colour photographs in 10 classes."""

from signbit.data._cifar import CifarFiles, read_cifar
from signbit.data._types import ImageSet, Request, datasets

SOURCE = CifarFiles(
    folder="cifar-10-batches-bin",
    files={
        "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test": ("test_batch.bin",),
    },
    records={"train": 10_000, "test": 10_000},
    names_file="batches.meta.txt",
    classes=10,
    label_bytes=1,
    address="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
)


@datasets.register("cifar10")
def cifar10(request: Request) -> ImageSet:
    """50,000 images for training, 10,000 for testing, 32x32 RGB.

    Read from the official binary files, in the data directory or its folder
    `cifar-10-batches-bin`. The order is that of the files, `data_batch_1.bin` first.

    Shape:  (N, 32, 32, 3) uint8.
    Raises: DataError naming file and record.
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return read_cifar(request, SOURCE)
