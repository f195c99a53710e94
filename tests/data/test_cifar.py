from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import signbit.data.cifar10
import signbit.data.cifar100
from signbit.data import load
from signbit.errors import DataError

MODULES = {"cifar10": signbit.data.cifar10, "cifar100": signbit.data.cifar100}
RECORDS = {"train": 3, "test": 2}


@pytest.fixture(params=["cifar10", "cifar100"])
def made(request, tmp_path, monkeypatch):
    """A small set in the official layout: its name, files, and record tables by file name."""
    name = request.param
    source = replace(MODULES[name].SOURCE, records=RECORDS)
    monkeypatch.setattr(MODULES[name], "SOURCE", source)
    layout = source.binary
    folder = tmp_path / layout.folder
    folder.mkdir()
    random = np.random.default_rng(0)
    tables = {}
    for split, files in layout.files.items():
        for file in files:
            table = random.integers(0, 256, (RECORDS[split], layout.record_bytes), np.uint8)
            table[:, : layout.label_bytes] = random.integers(0, 10, (RECORDS[split], 1))
            table[:, layout.label_bytes - 1] = random.integers(0, source.classes, RECORDS[split])
            (folder / file).write_bytes(table.tobytes())
            tables[file] = table
    names = "".join(f"name {number}\n" for number in range(source.classes))
    (folder / source.binary.names_file).write_text(names + "\n")
    return name, source, folder, tables


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("inside", [False, True])
def test_records_become_images_and_labels_in_order(made, split, inside):
    name, source, folder, tables = made
    images = load(name, split, data_dir=folder if inside else folder.parent)
    table = np.concatenate([tables[file] for file in source.binary.files[split]])
    assert images.labels.tolist() == table[:, source.binary.label_bytes - 1].tolist()
    assert images.classes == tuple(f"name {number}" for number in range(source.classes))
    assert images.images.shape == (len(table), 32, 32, 3)
    for place in (0, len(table) - 1):
        planes = table[place, source.binary.label_bytes :]
        row, column = 5, 7
        expected = [planes[channel * 1024 + row * 32 + column] for channel in range(3)]
        assert images.images[place : place + 1][0, row, column].tolist() == expected


@pytest.mark.parametrize("change", [-1, 1])
def test_truncated_and_oversized_files_are_errors(made, change):
    name, source, folder, _ = made
    path = folder / source.binary.files["train"][-1]
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"x")
    size = len(content)
    message = f"more than {size} bytes; at most" if change > 0 else f"{size - 1} bytes instead of"
    message = rf"{path.name}: {message} {size}"
    with pytest.raises(DataError, match=message):
        load(name, "train", data_dir=folder)
    assert len(load(name, "test", data_dir=folder).labels) == 2


def test_label_out_of_range_names_file_and_record(made):
    name, source, folder, tables = made
    file = source.binary.files["test"][0]
    tables[file][1, source.binary.label_bytes - 1] = source.classes
    (folder / file).write_bytes(tables[file].tobytes())
    message = rf"{file}, record 1: label {source.classes}, where 0 to {source.classes - 1}"
    with pytest.raises(DataError, match=message):
        load(name, "test", data_dir=folder)


def test_missing_file_says_where_it_was_looked_for_and_what_to_run(made):
    name, source, folder, _ = made
    missing = source.binary.files["train"][-1]
    (folder / missing).unlink()
    with pytest.raises(DataError) as caught:
        load(name, "train", data_dir=folder.parent)
    for part in (missing, str(folder), str(folder.parent), "--download", "SIGNBIT_DATA"):
        assert part in str(caught.value)


def test_wrong_count_of_names_is_an_error(made):
    name, source, folder, _ = made
    (folder / source.binary.names_file).write_text("one\n")
    with pytest.raises(DataError, match=f"1 class names instead of {source.classes}"):
        load(name, "test", data_dir=folder)


@pytest.mark.cifar10
def test_real_cifar10_is_read_whole(cifar10_dir: Path):
    train, test = (load("cifar10", split, data_dir=cifar10_dir) for split in ("train", "test"))
    assert (train.images.shape, test.images.shape) == ((50_000, 32, 32, 3), (10_000, 32, 32, 3))
    assert train.classes[0] == "airplane"
    assert train.classes[9] == "truck"
    assert np.bincount(train.labels).tolist() == [5000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    # The published mean of the training images, in pixels.
    mean = np.asarray(train.images).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(mean, [125.3, 123.0, 113.9], atol=0.1)
