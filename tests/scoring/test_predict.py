import threading
import warnings
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from signbit.errors import CheckpointError
from signbit.format import Preprocessing
from signbit.scoring import Prediction, PredictionTally, Unreadable, predict
from signbit.scoring._probabilities import softmax
from signbit.scoring._reading import READERS

CLASSES = ("ant", "bee", "cat")


class Brightness:
    """Scores grow with the brightness for the class in the middle alone."""

    preprocessing = Preprocessing([1.0], [0.0], (2, 2), CLASSES)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def scores(self, pixels):
        self.batches.append(len(pixels))
        middle = pixels.mean(axis=(1, 2, 3), dtype=np.float32) / 255 - 0.5
        return np.stack([np.zeros_like(middle), middle, np.zeros_like(middle)], axis=1)


@pytest.fixture
def files(tmp_path):
    for index in range(10):
        Image.new("L", (5, 3), 255 * (index % 2)).save(tmp_path / f"{index % 3}_{index}.png")
    return [tmp_path / f"{index % 3}_{index}.png" for index in range(10)]


@pytest.mark.parametrize("batch_size", [1, 3, 10, 64])
def test_order_and_results_do_not_depend_on_the_batch(files, batch_size):
    found = list(predict(Brightness(), files, CLASSES, 1, batch_size))
    assert [item.path for item in found] == files
    predictions = [item for item in found if isinstance(item, Prediction)]
    assert [item.top[0][0] for item in predictions] == ["ant", "bee"] * 5
    assert [item.true for item in predictions] == [CLASSES[index % 3] for index in range(10)]


def test_ties_go_to_the_lower_class(files):
    (dark,) = predict(Brightness(), files[:1], CLASSES, 3)
    assert isinstance(dark, Prediction)
    assert [name for name, _ in dark.top] == ["ant", "cat", "bee"]
    assert sum(share for _, share in dark.top) == pytest.approx(1)


def test_unreadable_files_keep_their_place(files):
    files[4].write_bytes(b"")
    files[5].unlink()
    model = Brightness()
    found = list(predict(model, files, CLASSES, 1, 4))
    assert [item.path for item in found] == files
    kinds = [type(item) for item in found]
    assert kinds == [Prediction] * 4 + [Unreadable] * 2 + [Prediction] * 4
    assert sum(model.batches) == 8


def test_nothing_readable_scores_nothing(tmp_path):
    model = Brightness()
    assert len(list(predict(model, [tmp_path / "a.png"] * 5, CLASSES))) == 5
    assert model.batches == []


def test_no_files_give_nothing():
    assert list(predict(Brightness(), [], CLASSES)) == []


def test_only_two_batches_are_read_ahead(monkeypatch):
    started: list[int] = []
    threads = set()

    def read(path, size, channels, crop=None):
        started.append(int(path.stem))
        threads.add(threading.get_ident())
        return np.zeros((2, 2, 1), np.uint8)

    monkeypatch.setattr("signbit.scoring._predict.read_image", read)
    results = predict(Brightness(), (Path(f"{i}.png") for i in range(10**6)), CLASSES, 1, 8)
    with closing(cast(Generator, results)):
        for place in range(100):
            next(results)
            assert max(started) <= place + 24
    assert len(threads) <= READERS


def test_scores_that_are_not_numbers_are_an_error(files, monkeypatch):
    nan = np.full((1, 3), np.nan, np.float32)
    monkeypatch.setattr(Brightness, "scores", lambda self, pixels: nan)
    with pytest.raises(CheckpointError, match="NaN"):
        next(predict(Brightness(), files[:1], CLASSES))


def test_filters_of_warnings_are_those_of_before(files):
    before = list(warnings.filters)
    for _ in predict(Brightness(), files * 20, CLASSES, 1, 4):
        pass
    assert warnings.filters == before


@pytest.mark.parametrize(
    ("scores", "probabilities"),
    [
        ([0, 0], [0.5, 0.5]),
        ([1000, 0], [1, 0]),
        ([-1000, -1000], [0.5, 0.5]),
        ([0, -np.inf], [1, 0]),
        ([-np.inf, -np.inf], [0.5, 0.5]),
        ([np.inf, 5], [1, 0]),
        (np.log([0.25, 0.75]), [0.25, 0.75]),
    ],
)
def test_softmax_of_extremes_is_a_probability(scores, probabilities):
    found = softmax(np.array([scores], np.float32))
    np.testing.assert_allclose(found, [probabilities], atol=1e-7)


def test_tally_counts_wrong_files_among_the_labelled():
    tally = PredictionTally()
    tally.add(Prediction(Path("a"), [("ant", 0.9)], "ant"))
    tally.add(Prediction(Path("b"), [("ant", 0.9)], "bee"))
    tally.add(Prediction(Path("c"), [("ant", 0.9)], None))
    tally.add(Unreadable(Path("d"), "d: damaged"))
    assert tally.to_dict(2.0) == {
        "images": 3,
        "unreadable": 1,
        "labelled": 2,
        "top1": 0.5,
        "error_rate": 0.5,
        "seconds": 2.0,
        "wrong": [{"path": "b", "true": "bee", "predicted": "ant"}],
        "unreadable_files": [{"path": "d", "reason": "d: damaged"}],
    }
