import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from signbit.data import read_image
from signbit.errors import DataError, UsageError

RED, GREY = (200, 30, 10), 77
RED_AS_GREY = round(0.299 * 200 + 0.587 * 30 + 0.114 * 10)


@pytest.fixture
def save(tmp_path):
    """Save an image, or an array as one, and return its path."""

    def _save(image, name="image.png", **options):
        path = tmp_path / name
        image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
        image.save(path, **options)
        return path

    return _save


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    length = struct.pack(">I", len(content))
    return length + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("suffix", ["bmp", "png", "tif", "ppm"])
def test_rgb_pixels_of_lossless_files_are_identical(save, suffix):
    pixels = noise(5, 7, 3)
    read = read_image(save(pixels, f"a.{suffix}"), (5, 7), 3)
    np.testing.assert_array_equal(read, pixels)
    assert read.dtype == np.uint8
    assert read.flags.writeable


@pytest.mark.parametrize("suffix", ["bmp", "png", "tif", "pgm"])
def test_grey_pixels_of_lossless_files_are_identical(save, suffix):
    pixels = noise(5, 7)
    np.testing.assert_array_equal(
        read_image(save(pixels, f"a.{suffix}"), (5, 7), 1), pixels[..., None]
    )


def test_grey_becomes_rgb_by_repetition(save):
    pixels = noise(3, 2)
    read = read_image(save(pixels), (3, 2), 3)
    np.testing.assert_array_equal(read, np.repeat(pixels[..., None], 3, axis=2))


def test_rgb_becomes_grey_by_luma(save):
    assert (
        read_image(save(Image.new("RGB", (2, 2), RED)), (2, 2), 1).tolist()
        == [[[RED_AS_GREY]] * 2] * 2
    )


@pytest.mark.parametrize(
    ("mode", "color", "suffix", "expected"),
    [
        ("1", 1, "png", (255, 255, 255)),
        ("L", GREY, "png", (GREY,) * 3),
        ("LA", (GREY, 255), "png", (GREY,) * 3),
        ("LA", (GREY, 0), "png", (255, 255, 255)),
        ("LA", (0, 51), "png", (204, 204, 204)),
        ("RGBA", (*RED, 255), "png", RED),
        ("RGBA", (*RED, 0), "png", (255, 255, 255)),
        ("RGBA", (0, 0, 0, 51), "png", (204, 204, 204)),
        ("CMYK", (0, 255, 255, 0), "tif", (255, 0, 0)),
        ("I;16", 77 * 256 + 255, "png", (77, 77, 77)),
        ("I;16", 255, "png", (0, 0, 0)),
        ("I;16", 65535, "tif", (255, 255, 255)),
        ("I", 77, "tif", (77, 77, 77)),
        ("I", 77 * 256 + 1, "tif", (77, 77, 77)),
        ("F", 0.5, "tif", (128, 128, 128)),
        ("F", 77.4, "tif", (77, 77, 77)),
        ("F", 25600.0, "tif", (100, 100, 100)),
    ],
)
def test_modes_become_the_documented_rgb(save, mode, color, suffix, expected):
    path = save(Image.new(mode, (2, 3), color), f"a.{suffix}")
    read = read_image(path, (3, 2), 3)
    np.testing.assert_array_equal(read, np.broadcast_to(np.array(expected, np.uint8), (3, 2, 3)))


def test_palette_is_looked_up(save):
    path = save(Image.new("RGB", (2, 2), RED).quantize(2))
    np.testing.assert_array_equal(read_image(path, (2, 2), 3)[0, 0], RED)


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_transparent_palette_entries_are_white(save, transparency):
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, 0, 0, 255])
    image.putpixel((1, 0), 1)
    read = read_image(save(image, transparency=transparency), (1, 2), 3)
    assert read.tolist() == [[[255, 255, 255], [0, 0, 255]]]


@pytest.mark.parametrize(("mode", "key"), [("L", 9), ("I;16", 9 * 256), ("RGB", (9, 9, 9))])
def test_the_transparent_color_of_a_png_is_white(save, mode, key):
    path = save(Image.new(mode, (1, 1), key), transparency=key)
    assert read_image(path, (1, 1), 1).tolist() == [[[255]]]


def test_a_dark_16_bit_pgm_is_16_bits_wide(tmp_path):
    path = tmp_path / "dark.pgm"
    path.write_bytes(b"P5 1 1 65535\n\x00\x80")
    assert read_image(path, (1, 1), 1).item() == 0


@pytest.mark.parametrize(
    ("mode", "color"), [("I", -1), ("I", 65536), ("F", -0.5), ("F", float("nan"))]
)
def test_values_that_do_not_fit_16_bits_are_refused(save, mode, color):
    path = save(Image.new(mode, (1, 1), color), "a.tif")
    with pytest.raises(DataError, match=r"a\.tif: values from .* only 0 to 65535 are allowed"):
        read_image(path, (1, 1), 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_exif_orientation_is_applied(save, orientation, suffix):
    upright = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    # How the sensor saw it, so that each orientation leads back to the upright image.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(np.ascontiguousarray(stored), f"a.{suffix}", exif=exif)
    np.testing.assert_array_equal(read_image(path, (2, 3), 1)[..., 0], upright)


def test_damaged_exif_does_not_spoil_the_pixels(save):
    path = save(Image.new("L", (2, 2), GREY), exif=b"Exif\x00\x00garbage")
    assert read_image(path, (2, 2), 1).max() == GREY


def test_first_frame_of_an_animation_is_read(save):
    frames = [Image.new("L", (2, 2), value) for value in (10, 200)]
    path = save(frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert np.unique(read_image(path, (2, 2), 1)).tolist() == [10]


def test_other_sizes_are_resized_bilinearly(save):
    pixels = noise(9, 12, 3)
    read = read_image(save(pixels), (4, 5), 3)
    expected = Image.fromarray(pixels).resize((5, 4), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(read, np.asarray(expected))


def test_errors_name_the_file_and_the_reason(tmp_path, save):
    whole = save(noise(40, 40, 3)).read_bytes()
    jpeg = save(noise(40, 40, 3), "a.jpg").read_bytes()
    cases = {
        "empty.png": (b"", "not an image"),
        "text.png": (b"hello", "not an image"),
        "cut.png": (whole[: len(whole) // 2], "damaged image"),
        "cut.jpg": (jpeg[: len(jpeg) // 2], "damaged image: .*truncated"),
        "flipped.png": (whole[:200] + b"\xff" * 99 + whole[299:], "damaged image"),
        "drawing.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "EPS"),
    }
    for name, (content, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: .*{reason}"):
            read_image(path, (8, 8), 3)


def test_missing_files_and_folders_are_errors(tmp_path):
    with pytest.raises(DataError, match=r"none\.png: No such file"):
        read_image(tmp_path / "none.png", (8, 8), 3)
    with pytest.raises(DataError, match=r": Is a directory$"):
        read_image(tmp_path, (8, 8), 3)


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_decompression_bombs_are_refused(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(100)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(DataError, match=r"bomb\.png: more than \d+ pixels, which is not allowed"):
        read_image(path, (8, 8), 1)


def test_wrong_size_and_channels_are_usage_errors(save):
    path = save(noise(2, 2))
    with pytest.raises(UsageError, match="image size"):
        read_image(path, (0, 2), 1)
    with pytest.raises(UsageError, match="4 channels"):
        read_image(path, (2, 2), 4)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_transparent_level_of_a_png_of_few_bits_is_white(tmp_path, bits):
    levels = 2**bits
    rows = bytearray()
    for level in range(levels):  # a row of eight pixels of each level, after its filter byte
        rows += b"\0" + bytes([level * (0xFF // (levels - 1))] * bits)
    header = struct.pack(">IIBBBBB", 8, levels, bits, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"tRNS", struct.pack(">H", 0))
    chunks += png_chunk(b"IDAT", zlib.compress(bytes(rows))) + png_chunk(b"IEND", b"")
    for transparent in range(levels):
        level = png_chunk(b"tRNS", struct.pack(">H", transparent))
        path = tmp_path / f"{transparent}.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks.replace(png_chunk(b"tRNS", b"\0\0"), level))
        expected = [255 // (levels - 1) * level for level in range(levels)]
        expected[transparent] = 255
        assert read_image(path, (levels, 8), 1)[:, 0, 0].tolist() == expected
