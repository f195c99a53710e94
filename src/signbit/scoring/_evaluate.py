"""Run a classifier on a labelled data set. Needs only NumPy."""

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
        """The scores of images. The class with the highest score is the answer.

        Shape:  pixels (N, H, W, C) uint8, scores (N, classes) float32.
        """
        ...


@dataclass(frozen=True)
class Evaluation:
    """The result of a classifier on one split of a data set.

    data: the name of the data set.
    split: "train" or "test".
    classes: the names of the model's classes, in the order of the scores.
    figures: the counts.
    seconds: the time that reading and scoring the images took.
    """

    data: str
    split: str
    classes: Sequence[str]
    figures: Classification
    seconds: float

    @property
    def images_per_second(self) -> float:
        """Number of images that were read and scored in a second."""
        return self.figures.images / max(self.seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON. Accuracies are from 0 to 1, and null for a class without images."""
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
    """Score every image, and count the results.

    Each class of the data set is matched with the model's class of the same name. If the model has
    no class of that name, a synonym counts (`plane` for `airplane`, `car` for `automobile`). If the
    model or the data set has no names, or only numbers as names, classes are matched by index.

    model: a trained model or a packed network.
    images: one split of a data set.
    batch_size: number of images in one batch. It changes the speed, not the result.
    advance: called with the number of images after each batch.
    classes: the names of the model's classes, in the order of the scores; None means its own names.

    Raises: DataError where the data set does not fit the model, or is empty; CheckpointError for a
        score that is NaN.
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
    """The names of the model's classes, in the order of its scores.

    model: a trained model or a packed network.
    fallback: the names to use if the model has none and this is the right number of names. If it
        is not, the names are the numbers from 0.
    """
    preprocessing = model.preprocessing
    if preprocessing.classes:
        return tuple(preprocessing.classes)
    count = score_count(model)
    return tuple(fallback) if len(fallback) == count else numbered(count)


def score_count(model: Classifier) -> int:
    """The number of scores that a model returns. The model is run on a black image to find out."""
    preprocessing = model.preprocessing
    pixels = np.zeros((1, *preprocessing.size, preprocessing.channels), np.uint8)
    return model.scores(pixels).shape[1]


def numbered(count: int) -> tuple[str, ...]:
    """The names '0', '1', ... for `count` classes without names."""
    return tuple(map(str, range(count)))


def _batches(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _check_shape(preprocessing: Preprocessing, images: ImageSet) -> None:
    if not len(images.labels):
        raise DataError(f"{images.name}, split {images.split!r}: no images; give one or more")
    found, wanted = images.images.shape[1:], (*preprocessing.size, preprocessing.channels)
    if tuple(found) != wanted:
        raise DataError(
            f"{images.name} has images of {_shape(found)}, but the model needs {_shape(wanted)}; "
            "write them as files with `signbit images`, and give folder:PATH, which fits files to "
            "the model"
        )


def labels_in(
    classes: Sequence[str], data: str, own: Sequence[str], labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The labels of data as indices into the model's classes, which `evaluate` explains.

    classes: the names of the model's classes.
    own: the names of the data's classes; `labels` are indices into them.
    Raises: DataError where the model does not know a class, or where classes that are matched by
        number differ in number.
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
            f"{data} has {len(own)} classes, the model has {len(classes)}, and the model does "
            f"not know {', '.join(unknown[:MOST_LISTED])}{more}; its names are "
            f"{', '.join(classes[:MOST_LISTED])}{', ...' if len(classes) > MOST_LISTED else ''}"
        )
    # If data has numbers as classes, samples of the highest classes may be missing in it.
    fewer = own == numbered(len(own)) and len(own) < len(classes)
    if len(own) != len(classes) and not fewer:
        raise DataError(
            f"{data} has {len(own)} classes, and the model has {len(classes)}; if some classes "
            "have no files in a folder, list all classes in its classes.txt"
        )
    return labels


def _shape(shape: Sequence[int]) -> str:
    height, width, channels = shape
    return f"{height}x{width} with {channels} channel{'s' if channels != 1 else ''}"
