"""CIFAR-100: 60,000 colour photographs in 100 classes."""

from signbit.data._cifar import CifarFiles, read_cifar
from signbit.data._cifar_layouts import BinaryLayout, PickledLayout
from signbit.data._types import ImageSet, Request, datasets

SOURCE = CifarFiles(
    binary=BinaryLayout(
        folder="cifar-100-binary",
        archive="cifar-100-binary.tar.gz",
        files={"train": ("train.bin",), "test": ("test.bin",)},
        names_file="fine_label_names.txt",
        label_bytes=2,  # the coarse label (of 20), then the fine label
    ),
    pickled=PickledLayout(
        folder="cifar-100-python",
        archive="cifar-100-python.tar.gz",
        files={"train": ("train",), "test": ("test",)},
        names_file="meta",
        labels_key="fine_labels",
        names_key="fine_label_names",
    ),
    records={"train": 50_000, "test": 10_000},
    classes=100,
    base="https://www.cs.toronto.edu/~kriz/",
    md5="03b5dce01913d631647c71ecec9e9cb8",
)


@datasets.register("cifar100")
def cifar100(request: Request) -> ImageSet:
    """50,000 images for training, 10,000 for testing, 32x32 RGB, with the 100 fine labels.

    They are read from the official files, either the binary or the pickled ones, which torchvision
    downloads. The first complete place of these counts: the folders `cifar-100-binary` and
    `cifar-100-python` of the data directory, the data directory itself, and in it the archives
    `cifar-100-binary.tar.gz` and `cifar-100-python.tar.gz`, which need not be unpacked. No code in
    a pickle is run.

    Shape:  (N, 32, 32, 3) uint8.
    Raises: DataError naming the file and the record.
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return read_cifar(request, SOURCE)
