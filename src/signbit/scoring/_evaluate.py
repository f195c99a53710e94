"""Run a classifier on a labelled data set; needs only NumPy."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from signbit.data import ImageSet, class_places
from signbit.errors import DataError
from signbit.format import Preprocessing
from signbit.scoring._counts import Classification, ClassificationCounter
from signbit.scoring._probabilities import gives_probabilities

MOST_LISTED = 5


class Classifier(Protocol):
    """A model that can be evaluated: a trained torch model, or a packed network without torch."""

    @property
    def preprocessing(self) -> Preprocessing:
        """Size and channels of the images that it accepts, and the names of its classes."""
        ...

    def scores(self, pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """(N, H, W, C) uint8 to (N, classes). The class with the highest score is the answer."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """The result of a classifier on one split of a data set.

    classes: names, in the order of the scores.
    seconds: the time that reading and scoring the images took.
    """

    data: str
    split: str
    classes: Sequence[str]
    figures: Classification
    seconds: float

    @property
    def images_per_second(self) -> float:
        """Images read and scored in a second."""
        return self.figures.images / max(self.seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: accuracies from 0 to 1, null for a class without images."""
        return {
            "data": self.data,
            "split": self.split,
            "images": self.figures.images,
            "images_per_second": self.images_per_second,
            **self.figures.to_dict(self.classes),
        }


def evaluate(
    model: Classifier,
    images: ImageSet,
    batch_size: int = 256,
    advance: Callable[[int], None] = lambda count: None,
    classes: Sequence[str] | None = None,
) -> Evaluation:
    """Score every image, also those of a last, partial batch, and count the results.

    Each class of the data set is matched with the model's class of the same name. Where the model
    has no class of that name, a synonym counts (`plane` for `airplane`, `car` for `automobile`).
    Where one side has no names, or only numbers, classes are matched by index.

    advance: called with the number of images after each batch.
    classes: names of the model's classes, in the order of the scores; None for its own.

    Raises: DataError where the data set does not suit the model, or is empty.
    """
    _check_shape(model.preprocessing, images)
    classes = class_names(model, images.classes) if classes is None else tuple(classes)
    labels = labels_in(classes, images.name, images.classes, images.labels)
    counter = ClassificationCounter(len(classes), gives_probabilities(model))
    start = time.perf_counter()
    for batch in _batches(len(labels), batch_size):
        counter.add(model.scores(images.images[batch]), labels[batch])
        advance(batch.stop - batch.start)
    seconds = time.perf_counter() - start
    return Evaluation(images.name, images.split, classes, counter.result(), seconds)


def class_names(model: Classifier, fallback: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the model's classes; else `fallback` if it has as many, else numbers."""
    preprocessing = model.preprocessing
    if preprocessing.classes:
        return tuple(preprocessing.classes)
    count = score_count(model)
    return tuple(fallback) if len(fallback) == count else numbered(count)


def score_count(model: Classifier) -> int:
    """How many scores a model gives; it is run on a black image to find out."""
    preprocessing = model.preprocessing
    pixels = np.zeros((1, *preprocessing.size, preprocessing.channels), np.uint8)
    return model.scores(pixels).shape[1]


def numbered(count: int) -> tuple[str, ...]:
    """'0', '1', ...: names for classes that have none."""
    return tuple(map(str, range(count)))


def _batches(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _check_shape(preprocessing: Preprocessing, images: ImageSet) -> None:
    if not len(images.labels):
        raise DataError(f"{images.name}, split {images.split!r}: no images")
    found, wanted = images.images.shape[1:], (*preprocessing.size, preprocessing.channels)
    if tuple(found) != wanted:
        raise DataError(
            f"{images.name} has images of {_shape(found)}, the model takes {_shape(wanted)}; "
            "`signbit images` writes them as files, and folder:PATH fits files to a model"
        )


def labels_in(
    classes: Sequence[str], data: str, own: Sequence[str], labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Labels of data as indices into the model's classes, matched as `evaluate` says.

    own: the classes that the labels are indices of.
    Raises: DataError where a class is not known, or classes by number are not as many.
    """
    own, classes = tuple(own), tuple(classes)
    places = class_places(own, classes)
    known = [place for place in places if place is not None]
    if len(known) == len(own):
        return np.array(known, np.int64)[labels]
    if numbered(len(own)) != own and numbered(len(classes)) != classes:
        unknown = [name for name, place in zip(own, places, strict=True) if place is None]
        more = ", ..." if len(unknown) > MOST_LISTED else ""
        raise DataError(
            f"{data} has {len(own)} classes, the model {len(classes)}, and the model does "
            f"not know {', '.join(unknown[:MOST_LISTED])}{more}; its names are "
            f"{', '.join(classes[:MOST_LISTED])}{', ...' if len(classes) > MOST_LISTED else ''}"
        )
    # Where data has numbers for classes, those of the highest class may be missing.
    fewer = own == numbered(len(own)) and len(own) < len(classes)
    if len(own) != len(classes) and not fewer:
        raise DataError(
            f"{data} has {len(own)} classes, the model {len(classes)}; classes.txt in a "
            "folder of files names those that it can have"
        )
    return labels


def _shape(shape: Sequence[int]) -> str:
    height, width, channels = shape
    return f"{height}x{width} with {channels} channel{'s' if channels != 1 else ''}"
