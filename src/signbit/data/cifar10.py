"""CIFAR-10: 60,000 colour photographs in 10 classes."""

from signbit.data._cifar import CifarFiles, read_cifar
from signbit.data._cifar_layouts import BinaryLayout, PickledLayout
from signbit.data._types import ImageSet, Request, datasets

SOURCE = CifarFiles(
    binary=BinaryLayout(
        folder="cifar-10-batches-bin",
        archive="cifar-10-binary.tar.gz",
        files={
            "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            "test": ("test_batch.bin",),
        },
        names_file="batches.meta.txt",
        label_bytes=1,
    ),
    pickled=PickledLayout(
        folder="cifar-10-batches-py",
        archive="cifar-10-python.tar.gz",
        files={
            "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
            "test": ("test_batch",),
        },
        names_file="batches.meta",
        labels_key="labels",
        names_key="label_names",
    ),
    records={"train": 10_000, "test": 10_000},
    classes=10,
    base="https://www.cs.toronto.edu/~kriz/",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
)


@datasets.register("cifar10")
def cifar10(request: Request) -> ImageSet:
    """50,000 images for training, 10,000 for testing, 32x32 RGB.

    They are read from the official files, either the binary or the pickled ones, which torchvision
    downloads. The first complete place of these counts: the folders `cifar-10-batches-bin` and
    `cifar-10-batches-py` of the data directory, the data directory itself, and in it the archives
    `cifar-10-binary.tar.gz` and `cifar-10-python.tar.gz`, which need not be unpacked. No code in a
    pickle is run. The order is that of the files, `data_batch_1` first.

    Shape:  (N, 32, 32, 3) uint8.
    Raises: DataError naming the file and the record.
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return read_cifar(request, SOURCE)
