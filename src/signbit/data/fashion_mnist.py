"""Fashion-MNIST: 70,000 pictures of clothes."""

from signbit.data._idx import IdxFiles, read_idx_set
from signbit.data._types import ImageSet, Request, datasets

SOURCE = IdxFiles(
    # The data directory itself is not in the list: the files have the same names as those of MNIST.
    folders=("fashion-mnist", "FashionMNIST/raw"),
    address="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    md5={
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)


@datasets.register("fashion-mnist")
def fashion_mnist(request: Request) -> ImageSet:
    """60,000 images for training, 10,000 for testing, 28x28 grey.

    They are read from the four IDX files, plain or .gz, in the folders `fashion-mnist` and
    `FashionMNIST/raw` of the data directory.

    Shape:  (N, 28, 28, 1) uint8.
    Raises: DataError naming the file and the record.
    Source: Fashion-MNIST, arXiv:1708.07747.
    """
    return read_idx_set(request, SOURCE)
