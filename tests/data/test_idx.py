import gzip
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import signbit.data.fashion_mnist
import signbit.data.mnist
from signbit.data import _idx, load
from signbit.errors import DataError

MODULES = {"mnist": signbit.data.mnist, "fashion-mnist": signbit.data.fashion_mnist}
RECORDS = {"train": 4, "test": 3}
LABELS = [3, 1, 9]


@pytest.fixture(autouse=True)
def small_sets(monkeypatch):
    monkeypatch.setattr(_idx, "RECORDS", RECORDS)


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    dimensions = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, kind, array.ndim]) + dimensions + array.astype(np.uint8).tobytes()


def pixels(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28), np.uint8)


def write_test_split(folder: Path, suffix: str = "", images=None, labels=None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "t10k-images-idx3-ubyte": idx(pixels()) if images is None else images,
        "t10k-labels-idx1-ubyte": idx(np.array(LABELS)) if labels is None else labels,
    }
    for name, content in contents.items():
        packed = gzip.compress(content) if suffix else content
        (folder / f"{name}{suffix}").write_bytes(packed)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist", "mnist"),
        ("mnist", ""),
        ("mnist", "MNIST/raw"),
        ("fashion-mnist", "fashion-mnist"),
        ("fashion-mnist", "FashionMNIST/raw"),
    ],
)
def test_images_and_labels_are_read_in_every_layout(tmp_path, name, folder, suffix):
    write_test_split(tmp_path / folder, suffix)
    images = load(name, "test", data_dir=tmp_path)
    np.testing.assert_array_equal(np.asarray(images.images)[..., 0], pixels())
    assert images.labels.tolist() == LABELS
    assert images.labels.dtype == np.int64
    assert len(images.classes) == 10


def test_fashion_mnist_does_not_take_the_files_of_mnist(tmp_path):
    write_test_split(tmp_path)
    with pytest.raises(DataError, match=r"fashion-mnist: file t10k-images.* not found"):
        load("fashion-mnist", "test", data_dir=tmp_path)


def test_missing_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(DataError, match=r"train-images.*/mnist or .*/MNIST/raw\. .*--download"):
        load("mnist", "train", data_dir=tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (idx(pixels())[:-1], "2367 bytes instead of 2368"),
        (idx(pixels()) + b"x", "more than 2368.* bytes(;| instead of) .*2368"),
        (b"", "0 bytes instead of 2368"),
        (idx(pixels(), kind=9), "magic number 00000903 instead of 00000803, .* of 3 dimensions"),
        (
            idx(pixels().reshape(3, 28 * 28, 1)),
            r"dimensions \(3, 784, 1\) instead of \(3, 28, 28\)",
        ),
    ],
)
def test_damaged_images_name_the_file(tmp_path, suffix, images, message):
    write_test_split(tmp_path, suffix, images=images)
    with pytest.raises(DataError, match=rf"t10k-images-idx3-ubyte{suffix}: .*{message}"):
        load("mnist", "test", data_dir=tmp_path)


def test_count_of_labels_must_be_that_of_the_images(tmp_path):
    write_test_split(tmp_path, labels=idx(np.array([1, 2])))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: 10 bytes instead of 11"):
        load("mnist", "test", data_dir=tmp_path)


def test_label_out_of_range_names_file_and_record(tmp_path):
    write_test_split(tmp_path, labels=idx(np.array([1, 10, 2])))
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte, record 1: label 10"):
        load("mnist", "test", data_dir=tmp_path)


@pytest.mark.parametrize("cut", [5, 30, -4])
def test_truncated_gzip_is_an_error(tmp_path, cut):
    write_test_split(tmp_path, ".gz")
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"ubyte\.gz: damaged gzip file"):
        load("mnist", "test", data_dir=tmp_path)


def test_what_is_not_gzip_is_an_error(tmp_path):
    write_test_split(tmp_path, ".gz")
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"ubyte\.gz: damaged gzip file"):
        load("mnist", "test", data_dir=tmp_path)


def test_a_gzip_bomb_is_read_no_further_than_the_set_needs(tmp_path, monkeypatch):
    write_test_split(tmp_path, ".gz", images=idx(pixels()) + bytes(2**24))
    asked = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(
        gzip.GzipFile, "read", lambda self, size=-1: asked.append(size) or read(self, size)
    )
    with pytest.raises(DataError, match="more than 2368 bytes instead of 2368"):
        load("mnist", "test", data_dir=tmp_path)
    assert sum(asked) == 2369
    assert min(asked) > 0


def test_download_fetches_what_is_missing_and_verifies_it(tmp_path, site, monkeypatch):
    module = MODULES["mnist"]
    write_test_split(site.folder, ".gz")
    sums = {path.name[:-3]: md5_of(path) for path in site.folder.iterdir()}
    monkeypatch.setattr(module, "SOURCE", replace(module.SOURCE, address=site.address, md5=sums))
    data = tmp_path / "data"
    assert load("mnist", "test", data_dir=data, download=True).labels.tolist() == LABELS
    assert sorted(path.name for path in (data / "mnist").iterdir()) == [
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]
    for path in site.folder.iterdir():
        path.unlink()
    assert load("mnist", "test", data_dir=data, download=True).labels.tolist() == LABELS


def md5_of(path: Path) -> str:
    import hashlib

    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_pipe_in_the_place_of_a_file_is_refused(tmp_path, suffix, name):
    write_test_split(tmp_path, suffix)
    path = tmp_path / f"{name}{suffix}"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match=f"cannot read .*{name}{suffix}: a device or pipe"):
        load("mnist", "test", data_dir=tmp_path)
