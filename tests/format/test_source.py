"""What a packed network can be loaded from."""

import gzip
import io
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.files import GOLDEN, small

import signbit
from signbit.errors import InputTypeError, ModelFormatError
from signbit.format import PackedModel
from signbit.format.file import to_bytes

CONTENT = GOLDEN.read_bytes()


class Pathlike:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


class Trickle:
    """A few bytes at a time, as a pipe may give them."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def read(self, size: int, /) -> bytes:
        piece = next(self.pieces, b"")
        return piece[:size]


SOURCES = {
    "path": GOLDEN,
    "str": str(GOLDEN),
    "path-like": Pathlike(str(GOLDEN)),
    "path-like of bytes": Pathlike(bytes(GOLDEN)),
    "bytes": CONTENT,
    "bytearray": bytearray(CONTENT),
    "memoryview": memoryview(CONTENT),
    "memoryview with gaps": memoryview(bytes(np.repeat(np.frombuffer(CONTENT, "u1"), 2)))[::2],
    "BytesIO": io.BytesIO(CONTENT),
    "trickle": Trickle(CONTENT[start : start + 100] for start in range(0, len(CONTENT), 100)),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_each_kind_of_source_gives_the_model(source):
    assert to_bytes(PackedModel.load(source)) == CONTENT


def test_open_binary_files_are_read_from_where_they_are(tmp_path):
    with GOLDEN.open("rb") as file:
        assert signbit.load(file).classes == 2
    (tmp_path / "m.gz").write_bytes(gzip.compress(CONTENT))
    with gzip.GzipFile(tmp_path / "m.gz") as file:
        assert signbit.load(file).classes == 2
    with tempfile.TemporaryFile() as file:
        file.write(b"before" + CONTENT)
        file.seek(6)
        assert signbit.load(file).classes == 2


@pytest.mark.parametrize("kind", [bytearray, lambda content: memoryview(bytearray(content))])
def test_a_model_does_not_change_with_what_it_was_loaded_from(kind):
    source = kind(CONTENT)
    model = PackedModel.load(source)
    source[:] = bytes(len(source))
    assert to_bytes(model) == to_bytes(small())
    for node in model.nodes:
        for tensor in node.tensors.values():
            with pytest.raises(ValueError, match="read-only"):
                tensor[...] = 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "not NoneType"),
        (3, "not int"),
        ([1], "not list"),
        (np.frombuffer(CONTENT, np.uint8), "not ndarray"),
        (CONTENT.decode("latin1"), "a str is a path, and the content is bytes"),
        (io.StringIO("text"), "the file returns str, not bytes; open it with mode 'rb'"),
    ],
    ids=["None", "int", "list", "array", "content as str", "text file"],
)
@pytest.mark.parametrize("load", [signbit.load, PackedModel.load])
def test_other_sources_are_an_error_that_says_what_is_taken(load, source, message):
    with pytest.raises(InputTypeError, match=message) as error:
        load(source)
    assert isinstance(error.value, TypeError)
    assert str(error.value).isprintable()


def test_an_open_text_file_is_an_error():
    file: Any
    with Path(__file__).open(encoding="utf-8") as file, pytest.raises(InputTypeError, match="'rb'"):
        signbit.load(file)


def test_files_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / "new"
    with (
        path.open("wb") as file,
        pytest.raises(ModelFormatError, match=f"^{path}: cannot be read: it is not open for"),
    ):
        signbit.load(file)
    with path.open("rb") as closed:
        pass
    with pytest.raises(ModelFormatError, match=f"^{path}: cannot be read: .*closed"):
        signbit.load(closed)


def test_sources_without_end_are_refused(monkeypatch):
    monkeypatch.setattr("signbit.format.file.MAX_BYTES", 1000)
    zeros = Trickle(itertools.repeat(bytes(100)))
    with pytest.raises(ModelFormatError, match=r"^<file>: more than 1000 bytes"):
        signbit.load(zeros)
    for source in (CONTENT, bytearray(CONTENT), memoryview(CONTENT)):
        with pytest.raises(ModelFormatError, match=r"^<bytes>: 1508 bytes; at most 1000"):
            signbit.load(source)
    with pytest.raises(ModelFormatError, match="cannot be read: more than 1000 bytes"):
        signbit.load(GOLDEN)
