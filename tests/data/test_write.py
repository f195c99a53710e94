import os
import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signbit.data import ImageSet, _write, load, read_image, write_images
from signbit.data._splits import splits_of
from signbit.errors import OutputError

CLASSES = ("cat", "T-shirt/top", "dog")


@pytest.fixture(params=[1, 3])
def sets(request) -> list[ImageSet]:
    random = np.random.default_rng(0)
    return [
        ImageSet(
            "made",
            split,
            random.integers(0, 256, (count, 4, 5, request.param), np.uint8),
            random.integers(0, 3, count),
            CLASSES,
        )
        for split, count in (("train", 12), ("test", 3))
    ]


def snapshot(folder) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("suffix", ["bmp", "png"])
def test_files_hold_the_very_pixels_under_the_documented_names(sets, tmp_path, suffix):
    assert write_images(sets, tmp_path, suffix) == {"train": 12, "test": 3}
    names = {"classes.txt"}
    for images in sets:
        channels = images.images.shape[-1]
        for index, label in enumerate(images.labels):
            name = f"{images.split}/{label}_{index}.{suffix}"
            names.add(name)
            pixels = images.images[index : index + 1][0]
            np.testing.assert_array_equal(read_image(tmp_path / name, (4, 5), channels), pixels)
            with Image.open(tmp_path / name) as image:
                assert image.mode == ("L" if channels == 1 else "RGB")
    assert set(snapshot(tmp_path)) == names


def test_what_was_written_loads_as_the_same_set(sets, tmp_path):
    write_images(sets, tmp_path, "png")
    for images in sets:
        order = np.lexsort((np.arange(len(images.labels)), images.labels))
        read = load(f"folder:{tmp_path}", images.split)
        assert read.classes == CLASSES
        assert read.labels.tolist() == images.labels[order].tolist()
        np.testing.assert_array_equal(np.asarray(read.images), images.images[order])


def test_second_run_writes_only_what_is_missing(sets, tmp_path):
    write_images(sets, tmp_path, "bmp")
    whole = snapshot(tmp_path)
    gone = min((tmp_path / "train").iterdir())
    gone.unlink()
    (tmp_path / "train" / ".signbit-x.tmp.bmp").write_bytes(b"half an image")
    assert write_images(sets, tmp_path, "bmp") == {"train": 1, "test": 0}
    again = snapshot(tmp_path)
    name = gone.relative_to(tmp_path).as_posix()
    assert again[name][0] == whole[name][0]
    assert {key: again[key] for key in again if key not in (name, "classes.txt")} == {
        key: whole[key] for key in whole if key not in (name, "classes.txt")
    }


def other_pixels(path):
    Image.new("RGB", (5, 4)).save(path)


def other_size(path):
    Image.new("RGB", (9, 9)).save(path)


def no_image(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [other_pixels, other_size, no_image])
def test_a_file_that_differs_stops_before_anything_is_written(sets, tmp_path, spoil):
    path = tmp_path / "test" / f"{sets[1].labels[2]}_2.bmp"
    path.parent.mkdir()
    spoil(path)
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=rf"{path.name} exists and holds other.*--force"):
        write_images(sets, tmp_path, "bmp")
    assert snapshot(tmp_path) == before
    assert write_images(sets, tmp_path, "bmp", force=True) == {"train": 12, "test": 3}
    np.testing.assert_array_equal(
        read_image(path, (4, 5), sets[1].images.shape[-1]), sets[1].images[2:3][0]
    )


def test_another_file_stops_before_anything_is_written_and_survives_force(sets, tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt exists and does not belong"):
        write_images(sets, tmp_path, "bmp")
    assert set(snapshot(tmp_path)) == {"test/notes.txt"}
    write_images(sets, tmp_path, "bmp", force=True)
    assert (tmp_path / "test" / "notes.txt").read_text() == "mine"


def test_the_other_format_does_not_mix_in(sets, tmp_path):
    write_images(sets, tmp_path, "bmp")
    with pytest.raises(OutputError, match="does not belong to this data set and format"):
        write_images(sets, tmp_path, "png")


def test_other_class_names_are_not_overwritten(sets, tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"\xff")
    with pytest.raises(OutputError, match=r"classes\.txt exists"):
        write_images(sets, tmp_path, "bmp")
    (tmp_path / "classes.txt").write_text("mine\n")
    with pytest.raises(OutputError, match=r"classes\.txt exists and holds other class names"):
        write_images(sets, tmp_path, "bmp")
    write_images(sets, tmp_path, "bmp", force=True)
    assert (tmp_path / "classes.txt").read_text() == "cat\nT-shirt/top\ndog\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_broken_off_run_leaves_whole_files_only(sets, tmp_path, monkeypatch, error):
    write = Path.write_bytes
    calls = []

    def broken(self, content):
        calls.append(self)
        if len(calls) == 5:
            write(self, b"half")
            raise error
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises((KeyboardInterrupt, OutputError)):
        write_images(sets, tmp_path, "bmp")
    assert len(snapshot(tmp_path)) == 4
    assert write_images(sets, tmp_path, "bmp") == {"train": 8, "test": 3}


@contextmanager
def largest_file(size: int):
    """Writing stops after `size` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", ["bmp", "png"])
def test_an_image_that_the_disk_has_no_room_for_is_an_error(tmp_path, capsys, suffix):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), np.uint8)
    images = ImageSet("made", "train", pixels, np.array([0, 2]), CLASSES)
    # The header fits: Pillow notices where that does not.
    with largest_file(1000), pytest.raises(OutputError, match=r"0_0\..*File too large.* continues"):
        write_images([images], tmp_path, suffix)
    assert snapshot(tmp_path) == {}
    assert write_images([images], tmp_path, suffix) == {"train": 2}


def test_two_runs_into_one_folder_do_not_get_in_the_way_of_each_other(sets, tmp_path, monkeypatch):
    replace = Path.replace

    def overtaken(self, target):
        monkeypatch.setattr(Path, "replace", replace)
        # All others, and this one too, while it waits to be moved into place.
        write_images(sets, tmp_path, "bmp")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", overtaken)
    write_images(sets, tmp_path, "bmp")
    assert write_images(sets, tmp_path, "bmp") == {"train": 0, "test": 0}
    assert len(snapshot(tmp_path)) == 16


def test_a_set_without_splits_lies_in_the_folder_itself(sets, tmp_path):
    out = tmp_path / "out"
    assert write_images(sets[:1], out, "png", split_folders=False) == {"train": 12}
    assert {path.parent for path in out.rglob("*")} == {out}
    assert splits_of(f"folder:{out}") == ()
    assert len(load(f"folder:{out}", "test").labels) == 12
    assert write_images(sets[:1], out, "png", split_folders=False) == {"train": 0}


def test_splits_of_a_folder_are_those_with_images(sets, tmp_path):
    assert splits_of("digits") == ("train", "test")
    write_images(sets[1:], tmp_path, "bmp")
    assert splits_of(f"folder:{tmp_path}") == ("test",)
    (tmp_path / "train").mkdir()
    assert splits_of(f"folder:{tmp_path}") == ("test",)
    write_images(sets[:1], tmp_path, "bmp")
    assert splits_of(f"folder:{tmp_path}") == ("train", "test")


def test_place_that_is_no_folder_is_an_output_error(sets, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=r"cannot (write|look into) .*out"):
        write_images(sets, tmp_path / "out", "bmp")


def test_progress_goes_to_standard_error(sets, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(_write, "_BATCH", 5)
    write_images(sets, tmp_path, "bmp")
    captured = capsys.readouterr()
    assert "writing train" in captured.err
    assert "12/12" in captured.err
    assert captured.out == ""


@pytest.mark.cifar10
def test_ten_thousand_real_images_survive_the_round_trip(cifar10_dir, tmp_path):
    images = load("cifar10", "test", data_dir=cifar10_dir)
    assert write_images([images], tmp_path, "bmp") == {"test": 10_000}
    read = load(f"folder:{tmp_path}", "test")
    order = np.lexsort((np.arange(10_000), images.labels))
    assert read.classes == images.classes
    np.testing.assert_array_equal(read.labels, images.labels[order])
    np.testing.assert_array_equal(np.asarray(read.images), np.asarray(images.images)[order])


@pytest.mark.parametrize("force", [False, True])
def test_pipes_are_not_written_to_or_waited_for(sets, tmp_path, force):
    names = tmp_path / "classes.txt"
    os.mkfifo(names)
    with pytest.raises(OutputError, match=r"classes\.txt is a device or pipe; nothing was written"):
        write_images(sets, tmp_path, "bmp", force=force)
    names.unlink()
    write_images(sets, tmp_path, "bmp")
    image = tmp_path / "train" / f"{sets[0].labels[0]}_0.bmp"
    image.unlink()
    os.mkfifo(image)
    before = snapshot(tmp_path / "test")
    with pytest.raises(
        OutputError, match=rf"{image.name} is a device or pipe; nothing was written"
    ):
        write_images(sets, tmp_path, "bmp", force=force)
    assert snapshot(tmp_path / "test") == before
