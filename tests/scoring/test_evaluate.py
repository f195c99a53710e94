import json
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from signbit.data import ImageSet
from signbit.errors import CheckpointError, DataError
from signbit.format import Preprocessing
from signbit.scoring import class_names, evaluate

NAMES = ("ant", "bee", "cat")


@dataclass
class FirstPixel:
    """Says the class that the first pixel of an image names; needs no torch."""

    classes: tuple[str, ...] = NAMES
    count: int = 3

    @property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing([1.0], [0.0], (2, 2), self.classes)

    def scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.eye(self.count, dtype=np.float32)[pixels[:, 0, 0, 0]]


def image_set(says, labels, classes=NAMES):
    images = np.zeros((len(labels), 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = says
    return ImageSet("small", "test", images, np.array(labels, np.int64), classes)


def test_figures_go_to_json_under_the_names_of_the_classes():
    result = evaluate(FirstPixel(), image_set([0, 1, 0, 0], [0, 1, 1, 0]))
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert found.pop("images_per_second") > 0
    assert found == {
        "data": "small",
        "split": "test",
        "images": 4,
        "top1": 0.75,
        "top5": 1.0,
        # Three of four are right; the softmax of 1, 0, 0 gives the first e / (e + 2).
        "calibration_error": pytest.approx(0.75 - np.e / (np.e + 2), abs=1e-9),
        "classes": list(NAMES),
        "per_class": {"ant": 1.0, "bee": 0.5, "cat": None},
        "confusion": [[2, 0, 0], [1, 1, 0], [0, 0, 0]],
    }


@pytest.mark.parametrize("batch_size", [1, 2, 96, 97, 98, 1000])
def test_any_batch_size_gives_the_same_figures_and_counts_every_image(batch_size):
    generator = np.random.default_rng(0)
    images = image_set(generator.integers(0, 3, 97), generator.integers(0, 3, 97))
    advanced: list[int] = []
    result = evaluate(FirstPixel(), images, batch_size, advanced.append)
    assert result.figures.images == sum(advanced) == 97
    expected = (images.images[:][:, 0, 0, 0] == images.labels).mean()
    assert result.figures.top1 == expected


def test_classes_are_matched_by_name():
    images = image_set([2, 0], [0, 1], classes=("cat", "ant"))
    result = evaluate(FirstPixel(), images)
    assert result.figures.top1 == 1
    assert result.classes == NAMES


def test_classes_with_numbers_for_names_are_matched_by_index():
    assert evaluate(FirstPixel(), image_set([1], [1], ("0", "1", "2"))).figures.top1 == 1
    assert evaluate(FirstPixel(("0", "1", "2")), image_set([1], [1])).figures.top1 == 1


def test_the_highest_of_numbered_classes_may_be_missing():
    result = evaluate(FirstPixel(), image_set([1, 0], [1, 1], ("0", "1")))
    assert result.figures.top1 == 0.5
    assert result.classes == NAMES


def test_model_without_names_takes_those_of_the_data():
    result = evaluate(FirstPixel(()), image_set([1], [1]))
    assert result.classes == NAMES
    assert class_names(FirstPixel(())) == ("0", "1", "2")


@pytest.mark.parametrize(
    ("model", "classes", "says"),
    [
        (FirstPixel(), ("ant", "bee", "dog"), "does not know dog; its names are ant, bee, cat"),
        (
            FirstPixel(),
            ("0", "1", "2", "3"),
            "small has 4 classes, and the model has 3; .*classes.txt",
        ),
        (FirstPixel(("0", "1", "2")), ("ant", "bee"), "small has 2 classes, and the model has 3"),
        (FirstPixel((), 4), NAMES, "small has 3 classes, and the model has 4"),
    ],
)
def test_other_classes_are_one_clear_error(model, classes, says):
    with pytest.raises(DataError, match=says):
        evaluate(model, image_set([0], [0], classes))


def test_other_size_is_one_clear_error():
    images = ImageSet("big", "test", np.zeros((1, 4, 4, 3), np.uint8), np.zeros(1, np.int64), NAMES)
    with pytest.raises(
        DataError, match="big has images of 4x4 with 3 channels, but the model needs"
    ):
        evaluate(FirstPixel(), images)


def test_no_images_is_an_error():
    with pytest.raises(DataError, match="no images"):
        evaluate(FirstPixel(), image_set([], []))


def test_scores_that_are_not_numbers_are_an_error(monkeypatch):
    nan = np.full((1, 3), np.nan, np.float32)
    monkeypatch.setattr(FirstPixel, "scores", lambda self, pixels: nan)
    with pytest.raises(CheckpointError, match="NaN"):
        evaluate(FirstPixel(), image_set([0], [0]))


def test_nothing_here_needs_torch():
    code = "import sys, signbit.scoring; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_plane_is_airplane_and_an_exact_name_comes_first():
    model = FirstPixel(("airplane", "car", "cat"))
    images = image_set([1, 0, 2], [0, 1, 2], classes=("automobile", "plane", "cat"))
    assert evaluate(model, images).figures.top1 == 1
    both = FirstPixel(("automobile", "car", "cat"))
    images = image_set([1, 0], [0, 1], classes=("car", "automobile"))
    assert evaluate(both, images).figures.top1 == 1
    with pytest.raises(DataError, match="does not know automobile"):
        evaluate(model, image_set([1], [0], classes=("automobile", "car", "cat")))


def test_names_that_are_given_count_before_those_of_the_model():
    images = image_set([2], [0], classes=("owl", "elk", "fox"))
    result = evaluate(FirstPixel(), images, classes=("elk", "fox", "owl"))
    assert result.classes == ("elk", "fox", "owl")
    assert result.figures.top1 == 1
