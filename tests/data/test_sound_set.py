"""Features of folders of WAV files, to train on: those that `evaluate` gives a network."""

import numpy as np
import pytest
import soundfile
from helpers.tasks import sounds_of_classes

from signbit.data import FrontEnd, Selection, load_sounds, read_sound
from signbit.data._sounds import SoundReader
from signbit.encode import fixed_point
from signbit.errors import DataError, UsageError
from signbit.format import Input
from signbit.scoring import open_samples, targets_of

FRONT = FrontEnd("log_mel", sample_rate=8000, bins=6, seconds=0.1)
SHAPE = (8, 6)


@pytest.fixture
def folder(tmp_path):
    """Two classes of two lengths, in two splits; a.wav of `train` differs from that of `test`."""
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, 3200)
    for number, split in enumerate(("train", "test")):
        for length, kind in ((500, "short"), (1200, "long")):
            path = tmp_path / split / kind / "a.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, noise[number * 1600 :][:length], 8000)
    return tmp_path


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_features_are_those_of_evaluate(folder, split):
    model = sounds_of_classes(*SHAPE)
    targets = targets_of(model, ["short", "long"])
    read = open_samples(model, f"folder:{folder}", split, targets, Selection(), FRONT)
    (batch,) = read.batches(10)
    found = load_sounds(folder, split, FRONT)
    assert (found.features.shape, found.features.dtype) == ((2, *SHAPE), np.float32)
    np.testing.assert_array_equal(batch.inputs["sound"], found.features)
    assert list(batch.places) == [str(path) for path in found.paths]
    answers = [targets[0].names[label] for label in batch.targets["loudness"]]
    assert [found.classes[label] for label in found.labels] == answers == ["long", "short"]


def test_their_codes_are_those_of_evaluate(folder):
    one = Input.fixed_point("sound", SHAPE, 0.0625, -10)
    found = load_sounds(folder, "train", FRONT)
    read = SoundReader(one, FRONT)
    codes = fixed_point(found.features, one)
    np.testing.assert_array_equal(np.stack([read(path) for path in found.paths]), codes)
    assert len(np.unique(codes)) > 20


def test_the_features_of_a_file_are_those_of_its_samples(folder):
    found = load_sounds(str(folder), "test", FRONT)
    for path, features in zip(found.paths, found.features, strict=True):
        np.testing.assert_array_equal(features, FRONT(read_sound(path, 8000)))


@pytest.mark.parametrize(
    ("options", "split", "error", "says"),
    [
        (
            {"seconds": 0.0},
            "test",
            DataError,
            r"short/a\.wav: 4 windows of 6 features, but .*long",
        ),
        ({"sample_rate": 16000}, "test", DataError, r"a\.wav: 8000 Hz"),
        ({}, "dev", UsageError, "unknown split 'dev'"),
    ],
)
def test_sounds_that_do_not_fit_are_refused(folder, options, split, error, says):
    front = FrontEnd("log_mel", **{"sample_rate": 8000, "bins": 6, "seconds": 0.1, **options})
    with pytest.raises(error, match=says):
        load_sounds(folder, split, front)


def test_a_folder_without_sounds_is_refused(tmp_path):
    with pytest.raises(DataError, match="no WAV file for the split 'train'"):
        load_sounds(tmp_path, "train", FRONT)
