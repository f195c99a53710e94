"""MNIST: 70,000 handwritten digits."""

from signbit.data._idx import IdxFiles, read_idx_set
from signbit.data._types import ImageSet, Request, datasets

SOURCE = IdxFiles(
    folders=("mnist", "", "MNIST/raw"),
    address="https://ossci-datasets.s3.amazonaws.com/mnist/",
    md5={
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    classes=tuple("0123456789"),
)


@datasets.register("mnist")
def mnist(request: Request) -> ImageSet:
    """60,000 images for training, 10,000 for testing, 28x28 grey.

    They are read from the four IDX files, plain or .gz, in the data directory or its folders
    `mnist` and `MNIST/raw`.

    Shape:  (N, 28, 28, 1) uint8.
    Raises: DataError naming the file and the record.
    Source: Y. LeCun et al., Gradient-based learning applied to document recognition, 1998.
    """
    return read_idx_set(request, SOURCE)
