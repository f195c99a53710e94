"""Classify image files; needs only NumPy and Pillow."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data import label_of, read_image
from signbit.errors import DataError
from signbit.scoring._counts import check_scores
from signbit.scoring._evaluate import Classifier
from signbit.scoring._probabilities import gives_probabilities, softmax
from signbit.scoring._reading import read_ahead


@dataclass(frozen=True)
class Prediction:
    """The model's answer for one image file.

    path: the file.
    top: names and probabilities (0 to 1) of the likeliest classes, the likeliest first.
    true: the true class in the name of the file or its folder; None where there is none.
    """

    path: Path
    top: Sequence[tuple[str, float]]
    true: str | None


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read, and the reason.

    path: the file.
    reason: one line that names the file.
    """

    path: Path
    reason: str


@dataclass
class PredictionTally:
    """The counts of predictions, and lists of the wrong answers and of the unreadable files.

    images: number of files that were classified.
    labelled: number of these files whose true class is known.
    wrong: path, true class and predicted class of each wrong answer.
    unreadable: path of each unreadable file, and the reason.
    """

    images: int = 0
    labelled: int = 0
    wrong: list[dict[str, str]] = field(default_factory=list)
    unreadable: list[dict[str, str]] = field(default_factory=list)

    def add(self, outcome: Prediction | Unreadable) -> None:
        """Count one file."""
        path = str(outcome.path)
        if isinstance(outcome, Unreadable):
            self.unreadable.append({"path": path, "reason": outcome.reason})
            return
        self.images += 1
        self.labelled += outcome.true is not None
        predicted = outcome.top[0][0]
        if outcome.true not in (None, predicted):
            self.wrong.append({"path": path, "true": str(outcome.true), "predicted": predicted})

    @property
    def top1(self) -> float | None:
        """The share of right answers among the files with a known class; None without any."""
        return (self.labelled - len(self.wrong)) / self.labelled if self.labelled else None

    def to_dict(self, seconds: float) -> dict[str, Any]:
        """The counts for JSON. `top1` and `error_rate`, 0 to 1, are there if classes are known.

        seconds: the time of the prediction, which the result contains too.
        """
        known: dict[str, float] = {}
        if self.top1 is not None:
            known = {"top1": self.top1, "error_rate": len(self.wrong) / self.labelled}
        return {
            "images": self.images,
            "unreadable": len(self.unreadable),
            "labelled": self.labelled,
            **known,
            "seconds": seconds,
            "wrong": self.wrong,
            "unreadable_files": self.unreadable,
        }


def predict(
    model: Classifier,
    paths: Iterable[Path],
    classes: Sequence[str],
    top: int = 1,
    batch_size: int = 64,
    numbered: Sequence[str] | None = None,
) -> Iterator[Prediction | Unreadable]:
    """Classify image files in their order. The memory needed does not grow with their number.

    Probabilities are the softmax of the scores. If the scores are log-probabilities, the softmax
    returns the probabilities themselves. If a packed network ends in a softmax, its scores are
    probabilities already and stay as they are. If two classes have the same probability, the class
    with the lower index comes first. A file that cannot be read becomes an `Unreadable`.

    model: a trained model or a packed network.
    paths: the image files, of any size and mode.
    classes: the names of the classes, in the order of the scores.
    top: number of likeliest classes in an answer, at most the number of classes.
    batch_size: number of images in one batch.
    numbered: the class names that numbers in file names stand for; None means `classes`.

    Raises: CheckpointError where a score is NaN.
    """
    preprocessing = model.preprocessing

    def read(path: Path) -> NDArray[np.uint8]:
        size, channels = preprocessing.size, preprocessing.channels
        return read_image(path, size, channels, crop=preprocessing.crop)

    for batch in read_ahead(paths, read, batch_size):
        images = [pixels for _, pixels in batch if isinstance(pixels, np.ndarray)]
        answers = iter(_classify(model, np.stack(images), classes, top) if images else ())
        for path, pixels in batch:
            if isinstance(pixels, DataError):
                yield Unreadable(path, str(pixels))
            else:
                label = label_of(path, classes, numbered)
                yield Prediction(path, next(answers), None if label is None else classes[label])


def _classify(
    model: Classifier, images: NDArray[np.uint8], classes: Sequence[str], top: int
) -> Iterator[list[tuple[str, float]]]:
    scores = model.scores(images)
    check_scores(scores, len(classes))
    probabilities = scores if gives_probabilities(model) else softmax(scores)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    for row, best in zip(probabilities, order, strict=True):
        yield [(classes[int(index)], float(row[index])) for index in best]
