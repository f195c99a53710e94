import subprocess
import sys

import numpy as np
import pytest

from signbit.data import _idx, _places, datasets, load
from signbit.errors import DataError, UsageError


def test_all_documented_data_sets_are_known():
    classic = ["cifar10", "cifar100", "digits", "fashion-mnist", "mnist"]
    assert datasets.names() == sorted([*classic, "folder", "parquet", "tar"])


def test_reading_data_imports_no_torch():
    program = (
        "import sys; from signbit.data import load, datasets; load('digits', 'test'); "
        "datasets.names(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_unknown_data_set_names_the_closest():
    with pytest.raises(UsageError, match=r"unknown data set 'cifar11'.*Did you mean 'cifar10'"):
        load("cifar11", "train")


def test_unknown_split_names_the_allowed_ones():
    with pytest.raises(UsageError, match=r"unknown split 'val'; known: test, train"):
        load("digits", "val")


@pytest.mark.parametrize("name", ["folder", "folder:", "tar", "parquet:", "digits:", "digits:x"])
def test_a_path_goes_with_folders_and_nothing_else(name: str):
    with pytest.raises(UsageError, match="folder:PATH"):
        load(name, "train")


@pytest.mark.parametrize("size", [(0, 8), (8, 20000), (8,)])
def test_size_out_of_range_is_refused(size):
    with pytest.raises(UsageError, match="image size"):
        load("digits", "train", size=size)


def test_channels_other_than_1_and_3_are_refused():
    with pytest.raises(UsageError, match="2 channels"):
        load("digits", "train", channels=2)


def test_data_dir_defaults_to_the_environment_then_to_data(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGNBIT_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match="elsewhere"):
        load("mnist", "train")
    monkeypatch.delenv("SIGNBIT_DATA")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"not found in data/mnist or data or"):
        load("mnist", "train")


def test_data_dir_given_comes_before_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGNBIT_DATA", "elsewhere")
    with pytest.raises(DataError, match=str(tmp_path)):
        load("mnist", "train", data_dir=tmp_path)


def test_digits_have_the_documented_split():
    train, test = load("digits", "train"), load("digits", "test")
    assert train.images.shape == (1437, 8, 8, 1)
    assert test.images.shape == (360, 8, 8, 1)
    assert train.classes == test.classes == tuple("0123456789")
    assert train.images[:1].dtype == np.uint8
    assert train.labels.dtype == np.int64
    assert np.bincount(test.labels, minlength=10).min() > 20


def test_digits_use_the_whole_range_of_grey():
    values = np.unique(np.asarray(load("digits", "train").images))
    assert values.tolist() == [round(level * 255 / 16) for level in range(17)]


def test_first_digits_are_those_of_the_source():
    # scikit-learn's digits start with 0 1 2 3 4 5 6 7 8 9 0; images 0, 5 and 10 are for testing.
    assert load("digits", "test").labels[:3].tolist() == [0, 5, 0]
    assert load("digits", "train").labels[:8].tolist() == [1, 2, 3, 4, 6, 7, 8, 9]
    row = np.asarray(load("digits", "test").images)[0, 0, :, 0]
    assert row.tolist() == [round(level * 255 / 16) for level in (0, 0, 5, 13, 9, 1, 0, 0)]


def test_files_that_may_not_be_read_are_errors(tmp_path, monkeypatch):
    def locked(*_):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "file"
    path.write_bytes(b"content")
    monkeypatch.setattr("os.open", locked)
    for read in (
        lambda: _places.read_exactly(path, 7),
        lambda: _places.read_names(path),
        lambda: _idx.read_idx(path.with_suffix(".gz"), (1,)),
    ):
        with pytest.raises(DataError, match=r"cannot read .*file.*: Permission denied"):
            read()
