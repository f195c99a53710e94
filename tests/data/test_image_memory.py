import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signbit.data import _image, _image_memory, _image_modes, read_image
from signbit.data._image import read_pixels
from signbit.data._image_memory import Room, opened
from signbit.errors import DataError


def test_room_is_never_exceeded_and_everybody_is_served():
    room, most = Room(100), []

    def use(amount: int) -> None:
        with room.turn:
            room.take(amount)
        most.append(room.used)
        room.give_back(amount)

    amounts = np.random.default_rng(0).integers(1, 101, 500).tolist()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(use, amounts, timeout=60))
    assert len(most) == 500
    assert max(most) <= 100
    assert room.used == 0


def test_a_large_amount_is_not_overtaken_for_ever_by_small_ones():
    room = Room(10)
    room.take(1)
    served: list[int] = []

    def use(amount: int) -> None:
        with room.turn:
            room.take(amount)
        served.append(amount)

    threads = [threading.Thread(target=use, args=[amount], daemon=True) for amount in (10, 1)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    assert served == []
    room.give_back(1)
    threads[0].join(60)
    assert served == [10]
    room.give_back(10)
    threads[1].join(60)
    assert served == [10, 1]


@pytest.fixture
def room(monkeypatch) -> Room:
    """A room with place for one image of 100 x 100 pixels in PNG."""
    room = Room(100 * 100 * 12 + 1000)
    monkeypatch.setattr(_image_memory, "_room", room)
    return room


def save(path: Path, side: int = 100, mode: str = "RGB") -> Path:
    Image.new(mode, (side, side), 1 if mode == "P" else "red").save(path)
    return path


def test_room_is_taken_for_each_image_and_given_back(room, tmp_path):
    path = save(tmp_path / "a.png")
    with path.open("rb") as file, opened(file):
        assert room.used == 100 * 100 * 12 + path.stat().st_size
    assert room.used == 0


def test_images_of_unknown_decoders_and_those_that_are_too_large_go_alone(room, tmp_path):
    for path in (save(tmp_path / "a.pcx", 8), save(tmp_path / "b.png", 300)):
        with path.open("rb") as file, opened(file):
            assert room.used == room.size
        assert read_image(path, (4, 4), 3).shape == (4, 4, 3)
        assert room.used == 0


def test_room_is_given_back_after_every_error(room, tmp_path):
    whole = save(tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_bytes(b"no image")
    Image.new("F", (100, 100), -1).save(tmp_path / "f.tif")
    for name in ("cut.png", "text.png", "f.tif", "none.png"):
        with pytest.raises(DataError, match=name):
            read_pixels(tmp_path / name)
        assert room.used == 0
        assert not room.turn.locked()


def test_readers_decode_one_large_image_at_a_time(room, tmp_path, monkeypatch):
    path, now, most = save(tmp_path / "a.png"), [0], [0]
    inside = _image.eight_bits

    def watched(image: Image.Image) -> Image.Image:
        now[0] += 1
        most[0] = max(most[0], now[0])
        time.sleep(0.01)
        now[0] -= 1
        return inside(image)

    monkeypatch.setattr(_image, "eight_bits", watched)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read_image(path, (4, 4), 3), range(16), timeout=60))
    assert most == [1]
    monkeypatch.setattr(_image_memory, "_room", Room(2**30))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read_image(path, (4, 4), 3), range(16), timeout=60))
    assert most[0] > 1


def test_files_of_more_than_the_limit_are_refused_unread(tmp_path):
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate(_image_memory.MAX_FILE_BYTES + 1)  # no byte of it is on the disk
    with pytest.raises(
        DataError, match=r"a\.png: 1073741825 bytes; files of at most 1073741824 bytes"
    ):
        read_pixels(path)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGBA", "png"), ("LA", "png"), ("P", "png"), ("I;16", "png"), ("F", "tif"), ("I", "tif")],
)
def test_strips_change_no_pixel(tmp_path, monkeypatch, mode, suffix):
    random = np.random.default_rng(0)
    if mode in ("I;16", "F", "I"):
        kind = {"I;16": np.uint16, "F": np.float32, "I": np.int32}[mode]
        image = Image.fromarray(random.integers(0, 60_000, (13, 7)).astype(kind))
    else:
        image = Image.fromarray(random.integers(0, 256, (13, 7, 4), np.uint8), "RGBA").convert(mode)
    if mode == "P":
        image.info["transparency"] = bytes(range(0, 256, 2))
    image.save(tmp_path / f"a.{suffix}")
    whole = read_pixels(tmp_path / f"a.{suffix}")
    assert len(np.unique(whole)) > 10
    for pixels in (1, 14, 21):
        monkeypatch.setattr(_image_modes, "_STRIP_PIXELS", pixels)
        np.testing.assert_array_equal(read_pixels(tmp_path / f"a.{suffix}"), whole)


SCRIPT = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from signbit.data import _image_memory, read_image
_image_memory._room = _image_memory.Room(4000 * 4000 * 12)
read_image(sys.argv[1], (8, 8), 3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda path: read_image(path, (8, 8), 3), sys.argv[2:]))
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_four_readers_of_large_images_need_the_memory_of_one(tmp_path):
    small, large = save(tmp_path / "a.png", mode="RGBA"), tmp_path / "b.png"
    Image.new("RGBA", (4000, 4000), (9, 8, 7, 99)).save(large, compress_level=1)
    command = [sys.executable, "-c", SCRIPT, small, *[large] * 4]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    # Pillow's 4 bytes a pixel and those of the result; four at a time had 16 each.
    assert (after - before) * 1024 < 4000 * 4000 * 9
