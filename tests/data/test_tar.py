import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from helpers.parts import picture, write_tar

from signbit.data import _file_set, load
from signbit.errors import DataError


def sample(value: int, label: object, key: str | None = None) -> list[tuple[str, bytes]]:
    key = f"{value:03}" if key is None else key
    return [(f"{key}.png", picture(value)), (f"{key}.cls", str(label).encode())]


def shards(folder: Path, *samples: list[tuple[str, bytes]], per_shard: int = 2) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(0, len(samples), per_shard):
        members = [one for pair in samples[number : number + per_shard] for one in pair]
        write_tar(folder / f"{number // per_shard}.tar", members)
    return folder


@pytest.fixture
def in_files(monkeypatch):
    monkeypatch.setattr(_file_set, "MAX_ARRAY_BYTES", 0)


def test_samples_are_images_with_the_number_in_cls(tmp_path):
    others = [("000.json", b"{}"), ("000.seg.png", picture(99)), ("__readme.txt", b"hello")]
    shards(tmp_path, [*sample(0, 1), *others], sample(7, "0\n"), sample(9, 2))
    images = load(f"tar:{tmp_path}", "train")
    assert images.images[:][:, 0, 0, 0].tolist() == [0, 7, 9]
    assert images.labels.tolist() == [1, 0, 2]
    assert images.classes == ("0", "1", "2")
    assert images.name == f"tar:{tmp_path}"


def test_images_in_files_are_read_in_any_order_by_any_process(tmp_path, in_files):
    shards(tmp_path, *(sample(value, value % 3) for value in range(9)))
    images = load(f"tar:{tmp_path}", "train").images
    assert not isinstance(images, np.ndarray)
    order = np.array([8, 0, 5, 5, -1, 2])
    expected = [8, 0, 5, 5, 8, 2]
    assert images[order][:, 0, 0, 0].tolist() == expected
    assert pickle.loads(pickle.dumps(images))[order][:, 0, 0, 0].tolist() == expected


def test_keys_are_names_up_to_the_first_dot_in_their_folder(tmp_path):
    write_tar(
        tmp_path / "a.tar",
        [("./x/1.PNG", picture(1)), ("./x/1.CLS", b"4"), *sample(2, 3, "x/y.d/../1")],
    )
    images = load(f"tar:{tmp_path}", "train")
    assert images.labels.tolist() == [4, 3]


def test_classes_file_names_the_numbers_and_bounds_them(tmp_path):
    shards(tmp_path, sample(0, 1), sample(1, 2))
    (tmp_path / "classes.txt").write_text("cat\ndog\nfox\n")
    assert load(f"tar:{tmp_path}", "train").classes == ("cat", "dog", "fox")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    with pytest.raises(DataError, match=r"0\.tar, 001\.png: label 2, where 0 to 1 are allowed"):
        load(f"tar:{tmp_path}", "train")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("1.png", picture(1))], r"1\.png: an image without a label next to it; .* 1\.cls"),
        ([("1.cls", b"1")], r"1\.cls: a label without an image next to it"),
        ([*sample(1, "cat")], r"001\.cls: b'cat' is not a label; write one whole number"),
        ([*sample(1, "-1")], r"001\.cls: b'-1' is not a label"),
        ([*sample(1, "1" * 10)], "is not a label"),
        ([*sample(1, "1" * 33)], r"001\.cls: 33 bytes"),
        ([*sample(1, 65536)], r"label 65536, where 0 to 65535 are allowed"),
        ([*sample(1, 0), ("001.jpg", picture(1))], r"001\.jpg: a second image of the sample"),
        ([*sample(1, 0), ("001.cls", b"1")], r"001\.cls: a second label"),
        (
            [("1.png", picture(1)), *sample(2, 0), ("1.cls", b"0")],
            r"1\.png: an image without a label next to it",
        ),
        ([("a.txt", b"")], "holds no image with a label"),
    ],
)
def test_samples_that_are_not_whole_are_named(tmp_path, members, message):
    write_tar(tmp_path / "a.tar", members)
    with pytest.raises(DataError, match=message):
        load(f"tar:{tmp_path}", "train")


def test_a_link_is_not_an_image(tmp_path):
    link = tarfile.TarInfo("1.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(link)
    with pytest.raises(DataError, match=r"1\.png: a link, a device or a sparse file"):
        load(f"tar:{tmp_path}", "train")


def test_a_shard_that_ends_early_is_named(tmp_path):
    shards(tmp_path, sample(0, 1), sample(1, 0))
    whole = (tmp_path / "0.tar").read_bytes()
    # In the last padding, in the label, in the image, in a header.
    for size in (4 * 1024 - 512, 1024 + 600, 700, 300):
        (tmp_path / "0.tar").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"0\.tar"):
            load(f"tar:{tmp_path}", "train")


def test_a_shard_that_changes_while_it_is_read_is_named(tmp_path, in_files):
    shards(tmp_path, sample(0, 1), sample(1, 0))
    images = load(f"tar:{tmp_path}", "train").images
    content = bytearray((tmp_path / "0.tar").read_bytes())
    content[512 + 40] ^= 255
    (tmp_path / "0.tar").write_bytes(content)
    os.utime(tmp_path / "0.tar", ns=(1, 1))
    with pytest.raises(
        DataError, match=r"0\.tar changed while it was read: its time of change differs"
    ):
        images[:1]


def test_a_damaged_image_is_named_by_shard_and_member(tmp_path, in_files):
    shards(tmp_path, sample(0, 1), [("001.png", b"no image"), ("001.cls", b"0")])
    images = load(f"tar:{tmp_path}", "train").images
    with pytest.raises(DataError, match=r"0\.tar, 001\.png: not an image"):
        images[1:]


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_compressed_shards_are_refused(tmp_path, mode):
    with tarfile.open(tmp_path / "a.tar", mode) as archive:
        archive.addfile(tarfile.TarInfo("1.cls"))
    with pytest.raises(DataError, match=r"a\.tar is compressed"):
        load(f"tar:{tmp_path}", "train")
    (tmp_path / "a.tar").rename(tmp_path / "a.tar.gz")
    with pytest.raises(DataError, match=r"a\.tar\.gz is compressed"):
        load(f"tar:{tmp_path}", "train")


def test_mutations_are_read_or_refused_in_one_line(tmp_path):
    shards(tmp_path, sample(0, 1), sample(1, 0))
    path = tmp_path / "0.tar"
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    # Headers and contents; what follows is padding.
    used = 4 * 1024
    errors = []
    for _ in range(300):
        content = bytearray(whole)
        for place in generator.integers(used, size=generator.integers(1, 4)):
            content[place] = generator.integers(256)
        path.write_bytes(content)
        try:
            images = load(f"tar:{tmp_path}", "train", size=(3, 4), channels=1)
            assert images.images.shape == (2, 3, 4, 1)
            assert set(images.labels.tolist()) <= set(range(len(images.classes)))
        except DataError as error:
            errors.append(str(error))
    assert len(errors) > 100
    assert [one for one in errors if str(path) not in one or "\n" in one] == []


def test_a_header_that_asks_for_memory_is_refused(tmp_path):
    shards(tmp_path, sample(0, 1))
    path = tmp_path / "0.tar"
    member = tarfile.TarInfo("9.png")
    member.size = 1 << 40
    path.write_bytes(member.tobuf() + path.read_bytes())
    with pytest.raises(DataError, match=r"9\.png: 1099511627776 bytes; images of at most"):
        load(f"tar:{tmp_path}", "train")
