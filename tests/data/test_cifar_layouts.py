import gzip
import io
import os
import pickle
import tarfile
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.python2 import python2_pickle

import signbit.data.cifar10
import signbit.data.cifar100
from signbit.data import ImageSet, load
from signbit.errors import DataError

MODULES = {"cifar10": signbit.data.cifar10, "cifar100": signbit.data.cifar100}
RECORDS = {"train": 3, "test": 2}
SPLITS = ("train", "test")


def as_pickles(images: ImageSet, layout, dumps=python2_pickle) -> dict[str, bytes]:
    """The files of one split in the pickled layout, and that of the names, by name."""
    files = layout.files[images.split]
    pixels = np.asarray(images.images).transpose(0, 3, 1, 2).reshape(len(files), -1, 3072)
    contents = {
        name: dumps(
            {
                b"batch_label": b"batch",
                layout.labels_key.encode(): said.tolist(),
                b"data": table,
                b"filenames": [
                    b"%d_s_%06d.png" % (label, place) for place, label in enumerate(said)
                ],
            }
        )
        for name, table, said in zip(
            files, pixels, images.labels.reshape(len(files), -1), strict=True
        )
    }
    names = [name.encode() for name in images.classes]
    contents[layout.names_file] = dumps({b"num_vis": 3072, layout.names_key.encode(): names})
    return contents


def as_binary(images: ImageSet, layout) -> dict[str, bytes]:
    files = layout.files[images.split]
    pixels = np.asarray(images.images).transpose(0, 3, 1, 2).reshape(len(files), -1, 3072)
    labels = images.labels.reshape(len(files), -1, 1).repeat(layout.label_bytes, axis=2)
    tables = np.concatenate([labels.astype(np.uint8), pixels], axis=2)
    contents = {name: table.tobytes() for name, table in zip(files, tables, strict=True)}
    contents[layout.names_file] = "".join(f"{name}\n" for name in images.classes).encode()
    return contents


def put(folder: Path, contents: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def pack(path: Path, contents: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.fixture(params=["cifar10", "cifar100"])
def made(request, monkeypatch):
    """A small set: its source and, for each split, what must be read."""
    source = replace(MODULES[request.param].SOURCE, records=RECORDS)
    monkeypatch.setattr(MODULES[request.param], "SOURCE", source)
    random = np.random.default_rng(0)
    sets = {}
    for split in SPLITS:
        count = RECORDS[split] * len(source.binary.files[split])
        pixels = random.integers(0, 256, (count, 32, 32, 3), np.uint8)
        labels = random.integers(0, source.classes, count)
        names = [f"name {number}" for number in range(source.classes)]
        sets[split] = ImageSet(request.param, split, pixels, labels, names)
    return source, sets


def write(form: str, source, sets, data_dir: Path, **change: bytes) -> None:
    """Write the set in one of the forms that are found; `change` replaces files."""
    layout = source.binary if form.startswith("binary") else source.pickled
    convert = as_binary if form.startswith("binary") else as_pickles
    contents = {**convert(sets["train"], layout), **convert(sets["test"], layout)} | change
    if form.endswith("archive"):
        inside = {f"{layout.folder}/{name}": content for name, content in contents.items()}
        data_dir.mkdir(exist_ok=True)
        pack(data_dir / layout.archive, inside)
    else:
        put(data_dir if form.endswith("flat") else data_dir / layout.folder, contents)


ORDER = [
    *("binary folder", "pickled folder", "binary flat"),
    *("pickled flat", "binary archive", "pickled archive"),
]


def assert_same(found: ImageSet, wanted: ImageSet) -> None:
    np.testing.assert_array_equal(np.asarray(found.images), np.asarray(wanted.images))
    assert found.labels.tolist() == wanted.labels.tolist()
    assert found.labels.dtype == np.int64
    assert list(found.classes) == list(wanted.classes)


@pytest.mark.parametrize("form", ORDER)
def test_every_form_gives_the_same_images(made, tmp_path, form):
    source, sets = made
    write(form, source, sets, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for split in SPLITS:
        assert_same(load(sets[split].name, split, data_dir=tmp_path), sets[split])
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("first", range(len(ORDER) - 1))
def test_the_first_form_in_the_documented_order_counts(made, tmp_path, first):
    source, sets = made
    marked = {
        split: replace(images, classes=[f"first {name}" for name in images.classes])
        for split, images in sets.items()
    }
    write(ORDER[first], source, marked, tmp_path)
    for form in ORDER[first + 1 :]:
        write(form, source, sets, tmp_path)
    assert_same(load(sets["test"].name, "test", data_dir=tmp_path), marked["test"])


def test_an_incomplete_form_is_passed_over(made, tmp_path):
    source, sets = made
    for form in ORDER[:-1]:
        write(form, source, sets, tmp_path)
    for layout in (source.binary, source.pickled):
        for folder in (tmp_path / layout.folder, tmp_path):
            (folder / layout.files["test"][0]).unlink()
    (tmp_path / source.binary.archive).unlink()
    with pytest.raises(DataError) as caught:
        load(sets["test"].name, "test", data_dir=tmp_path)
    for layout in (source.binary, source.pickled):
        assert layout.folder in str(caught.value)
        assert layout.archive in str(caught.value)
    write(ORDER[-1], source, sets, tmp_path)
    assert_same(load(sets["test"].name, "test", data_dir=tmp_path), sets["test"])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_that_python_3_wrote_again_are_read(made, tmp_path, protocol):
    source, sets = made
    layout = source.pickled

    def dumps(entries):
        as_text = {key.decode(): value for key, value in entries.items()}
        for key in (layout.names_key, "filenames"):
            if key in as_text:
                as_text[key] = [name.decode() for name in as_text[key]]
        if layout.labels_key in as_text:
            as_text[layout.labels_key] = np.array(as_text[layout.labels_key])
        return pickle.dumps(as_text, protocol)

    put(tmp_path, as_pickles(sets["test"], layout, dumps))
    assert_same(load(sets["test"].name, "test", data_dir=tmp_path), sets["test"])


def batch(layout, **change):
    entries = {"data": np.zeros((2, 3072), np.uint8), layout.labels_key: [0, 1]} | change
    return pickle.dumps(entries, 2)


def test_what_is_wrong_in_a_batch_is_named_with_its_file(made, tmp_path):
    source, sets = made
    layout, key = source.pickled, source.pickled.labels_key
    file = layout.files["test"][0]
    wrong = {
        "'data' is not a uint8 array of 2 x 3072": [
            batch(layout, data=np.zeros((2, 3071), np.uint8)),
            batch(layout, data=np.zeros((3, 3072), np.uint8)),
            batch(layout, data=np.zeros((2, 3072), np.int8)),
            batch(layout, data=[[0] * 3072] * 2),
            pickle.dumps({key: [0, 1]}, 2),
        ],
        f"'{key}' is not a list of 2 integers": [
            batch(layout, **{key: [0]}),
            batch(layout, **{key: [0, True]}),
            batch(layout, **{key: [0, None]}),
            batch(layout, **{key: np.zeros((2, 1), int)}),
            pickle.dumps({"data": np.zeros((2, 3072), np.uint8)}, 2),
        ],
        f"record 1: label -1, where 0 to {source.classes - 1}": [
            batch(layout, **{key: [0, -1]}),
            batch(layout, **{key: np.array([0, 2**64 - 1], np.uint64)}),
        ],
        f"record 1: label {source.classes}": [batch(layout, **{key: [0, source.classes]})],
        r"asks for posix\.system": [pickle.dumps({"data": os.system}, 2)],
        "more than": [b"\x80" * (layout.most_bytes(2) + 1)],
    }
    write("pickled folder", source, sets, tmp_path)
    for message, contents in wrong.items():
        for content in contents:
            (tmp_path / layout.folder / file).write_bytes(content)
            with pytest.raises(DataError, match=rf"{layout.folder}/{file}.*{message}"):
                load(sets["test"].name, "test", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, "is not a list of names"),
        ([1], "is not a list of names"),
        (["one"], "1 class names instead of"),
        ([b"\xff"], "not UTF-8"),
        (["\udcff"], "not UTF-8"),
    ],
)
def test_wrong_names_in_a_pickle_are_errors(made, tmp_path, names, message):
    source, sets = made
    layout = source.pickled
    write("pickled folder", source, sets, tmp_path)
    content = pickle.dumps({layout.names_key: names}, 2)
    (tmp_path / layout.folder / layout.names_file).write_bytes(content)
    with pytest.raises(DataError, match=rf"{layout.names_file}: .*{message}"):
        load(sets["test"].name, "test", data_dir=tmp_path)


def test_a_pipe_in_the_place_of_a_file_is_refused(made, tmp_path):
    source, sets = made
    for form in ("binary folder", "pickled folder", "binary archive"):
        data_dir = tmp_path / form.replace(" ", "-")
        write(form, source, sets, data_dir)
        layout = source.pickled if form.startswith("pickled") else source.binary
        inside = [layout.files["test"][0], layout.names_file]
        for path in (
            [data_dir / layout.archive]
            if form.endswith("archive")
            else [data_dir / layout.folder / name for name in inside]
        ):
            content = path.read_bytes()
            path.unlink()
            os.mkfifo(path)
            with pytest.raises(DataError, match=rf"cannot read .*{path.name}: a device or pipe"):
                load(sets["test"].name, "test", data_dir=data_dir)
            path.unlink()
            path.write_bytes(content)


def zeros_in_front(path: Path, count: int) -> None:
    """An archive whose first member has so many bytes, all zero."""
    info = tarfile.TarInfo("elsewhere")
    info.size = count
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf())
        for _ in range(0, count, 2**20):
            file.write(bytes(2**20))


def test_an_archive_that_unpacks_to_more_than_the_data_set_is_not_read_on(made, tmp_path):
    source, sets = made
    zeros_in_front(tmp_path / source.binary.archive, 2**27)
    tracemalloc.start()
    with pytest.raises(DataError, match="damaged archive: it unpacks to more"):
        load(sets["test"].name, "test", data_dir=tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_half_an_archive_says_to_remove_it(made, tmp_path):
    source, sets = made
    write("pickled archive", source, sets, tmp_path)
    path = tmp_path / source.pickled.archive
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(
        DataError, match=rf"{path.name}: damaged archive: .*\. Remove the file and fetch"
    ):
        load(sets["test"].name, "test", data_dir=tmp_path, download=True)


def test_a_changed_bit_in_an_archive_never_gives_other_images(made, tmp_path):
    source, sets = made
    write("pickled archive", source, sets, tmp_path)
    path = tmp_path / source.pickled.archive
    whole, expected = path.read_bytes(), sets["test"]
    refused = 0
    for place in np.random.default_rng(0).integers(10, len(whole), 40).tolist():
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            found = load(expected.name, "test", data_dir=tmp_path)
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(found.images, expected.images)
            np.testing.assert_array_equal(found.labels, expected.labels)
    assert refused > 20


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_long_names_in_an_archive_are_passed_over_without_memory(made, tmp_path, kind):
    source, sets = made
    info = tarfile.TarInfo("long")
    info.type, info.size = kind, 15 * 2**20
    write("pickled archive", source, sets, tmp_path)
    path = tmp_path / source.pickled.archive
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(info.tobuf() + bytes(info.size) + whole, 1))
    tracemalloc.start()
    assert_same(load(sets["test"].name, "test", data_dir=tmp_path), sets["test"])
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize(
    "header",
    [
        tarfile.TarInfo("x").tobuf().replace(b"0000000", b"0000001", 1),
        tarfile.TarInfo("x").tobuf()[:124] + b"\xff" * 388,
        b"no header" * 60,
    ],
)
def test_damaged_headers_are_errors(made, tmp_path, header):
    source, sets = made
    path = tmp_path / source.binary.archive
    path.write_bytes(gzip.compress(header[:512] + bytes(1024)))
    with pytest.raises(DataError, match=f"{path.name}: damaged archive: a header"):
        load(sets["test"].name, "test", data_dir=tmp_path)


def test_a_negative_size_in_a_header_is_an_error(made, tmp_path):
    source, sets = made
    block = bytearray(tarfile.TarInfo("x").tobuf())
    block[124:136] = b"\xff" * 12  # -1, base 256
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 8 * 32)
    path = tmp_path / source.binary.archive
    path.write_bytes(gzip.compress(bytes(block) + bytes(1024)))
    with pytest.raises(DataError, match="not an octal number"):
        load(sets["test"].name, "test", data_dir=tmp_path)


@pytest.mark.cifar10
def test_both_layouts_of_the_real_cifar10_are_equal(cifar10_dir, tmp_path):
    layout = signbit.data.cifar10.SOURCE.pickled
    folder = tmp_path / layout.folder
    binary = {split: load("cifar10", split, data_dir=cifar10_dir) for split in SPLITS}
    for images in binary.values():
        put(folder, as_pickles(images, layout))
    for split, images in binary.items():
        assert_same(load("cifar10", split, data_dir=tmp_path), images)
    with tarfile.open(tmp_path / layout.archive, "w:gz", compresslevel=1) as tar:
        for name in (*layout.files["test"], layout.names_file):
            tar.add(folder / name, f"{layout.folder}/{name}")
            (folder / name).unlink()
    assert_same(load("cifar10", "test", data_dir=tmp_path), binary["test"])
