import json

import numpy as np
import pytest
from helpers.tasks import rows_of_classes, rows_of_labels, rows_of_numbers
from report.conftest import observed_of

from signbit.data import Selection, load
from signbit.report._observe import MOST_KEPT, MOST_MISTAKES
from signbit.runtime.engine import Engine
from signbit.scoring import measure, open_samples, targets_of
from signbit.scoring._probabilities import softmax


@pytest.fixture
def table(tmp_path):
    def write(*lines: str):
        path = tmp_path / "data.csv"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


def test_figures_are_those_of_measure(digits, observed):
    engine, targets = Engine(digits), targets_of(digits)
    samples = open_samples(digits, "digits", "test", targets, Selection())
    assert observed.outputs == measure(engine, samples, targets).outputs
    assert observed.samples == 360


def test_the_worst_mistakes_come_first(digits, observed):
    images = load("digits", "test")
    scores = Engine(digits).scores(images.images[:])
    probabilities, answers = softmax(scores), scores.argmax(axis=1)
    wrong = np.flatnonzero(answers != images.labels)
    order = sorted(wrong, key=lambda place: -probabilities[place, answers[place]])
    assert observed.wrong == len(wrong) > MOST_MISTAKES
    assert [one.place for one in observed.mistakes] == [str(p) for p in order[:MOST_MISTAKES]]
    first, place = observed.mistakes[0], int(order[0])
    assert (first.predicted, first.true) == (str(answers[place]), str(images.labels[place]))
    assert first.probability == pytest.approx(probabilities[place].max())
    assert first.true_probability == pytest.approx(probabilities[place, images.labels[place]])
    np.testing.assert_array_equal(first.picture, images.images[place : place + 1][0])


def test_batches_change_nothing(digits, observed):
    other = observed_of(digits, "digits", batch_size=7)
    assert other.outputs == observed.outputs
    assert other.mistakes is not None
    assert [one.place for one in other.mistakes] == [one.place for one in observed.mistakes]


def test_the_samples_kept_are_spread_over_the_data(observed):
    images = load("digits", "test")
    # 360 are more than 256, so every second one is kept.
    assert len(observed.kept["pixels"]) == 180 <= MOST_KEPT
    np.testing.assert_array_equal(observed.kept["pixels"], images.images[::2])
    assert observed.kept_classes == [str(one) for one in images.labels[::2]]


def test_a_table_without_answers_gives_no_figures(table):
    found = observed_of(rows_of_classes(), table("x,y,z", "1,2,3", "3,2,1"))
    assert found.outputs == {}
    assert found.mistakes is None
    assert found.kept_classes is None
    assert len(found.kept["features"]) == 2


def test_mistakes_of_a_table_have_no_picture(table):
    found = observed_of(rows_of_classes(), table("x,y,z,kind", "1,2,3,c", "3,2,1,b"))
    assert found.mistakes is not None
    (mistake,) = found.mistakes
    assert (mistake.predicted, mistake.true, mistake.picture) == ("a", "b", None)


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        (rows_of_labels(), ("a,b,wet,hot", "1,-1,1,0", "1,1,0,1")),
        (rows_of_numbers(), ("a,b,sum,difference", "1,2,3,-1", "2,2,5,0")),
    ],
)
def test_other_tasks_have_figures_and_no_mistakes(table, model, lines):
    found = observed_of(model, table(*lines))
    assert json.dumps(found.outputs)
    assert len(found.outputs) == 1
    assert found.mistakes is None
