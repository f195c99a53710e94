"""CIFAR-100: 60,000 colour photographs in 100 classes."""

from signbit.data._cifar import CifarFiles, read_cifar
from signbit.data._types import ImageSet, Request, datasets

SOURCE = CifarFiles(
    folder="cifar-100-binary",
    files={"train": ("train.bin",), "test": ("test.bin",)},
    records={"train": 50_000, "test": 10_000},
    names_file="fine_label_names.txt",
    classes=100,
    label_bytes=2,  # the coarse label of 20, then the fine one
    address="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
)


@datasets.register("cifar100")
def cifar100(request: Request) -> ImageSet:
    """50,000 images for training, 10,000 for testing, 32x32 RGB, with the 100 fine labels.

    Read from the official binary files, in the data directory or its folder
    `cifar-100-binary`.

    Shape:  (N, 32, 32, 3) uint8.
    Raises: DataError naming file and record.
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return read_cifar(request, SOURCE)
