import numpy as np
import pytest
from PIL import Image

from signbit.data._masks import MaskSamples, is_masked
from signbit.data._samples import Target
from signbit.errors import DataError
from signbit.format import Input

PIXELS = Input.pixels("pixels", (4, 6, 3), [1 / 255] * 3, [0.0] * 3)
MASK = Target("mask", "classes", (4, 6, 3), ("a", "b", "c"), True)


@pytest.fixture
def folder(tmp_path):
    """Two images with masks; returns their arrays."""
    generator = np.random.default_rng(0)
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    images = generator.integers(0, 256, (2, 4, 6, 3), np.uint8)
    masks = generator.integers(0, 3, (2, 4, 6), np.uint8)
    masks[1, 0, 0] = 255
    for name, image, mask in zip(("10", "9"), images, masks, strict=True):
        Image.fromarray(image).save(tmp_path / "images" / f"{name}.png")
        picture = Image.fromarray(mask)
        if name == "9":
            picture.putpalette(np.random.default_rng(1).integers(0, 256, 768, np.uint8).tobytes())
        picture.save(tmp_path / "masks" / f"{name}.png")
    return tmp_path, images, masks


def opened(root, one=PIXELS, target=MASK, split="test"):
    return MaskSamples(root, split, one, target)


def test_images_come_with_their_masks_grey_or_with_a_palette(folder):
    root, images, masks = folder
    (batch,) = opened(root).batches(9)
    assert [place.rsplit("/", 1)[1] for place in batch.places] == ["9.png", "10.png"]
    np.testing.assert_array_equal(batch.inputs["pixels"], images[::-1])
    wanted = np.where(masks == 255, -1, masks.astype(int))
    np.testing.assert_array_equal(batch.targets["mask"], wanted[::-1])
    assert opened(root).count == 2


def test_splits_are_folders(folder, tmp_path_factory):
    root, _, _ = folder
    outer = tmp_path_factory.mktemp("outer")
    root.rename(outer / "train")
    assert is_masked(outer)
    assert opened(outer, split="train").count == 2
    with pytest.raises(DataError, match="images does not exist; put the images of 'test' there"):
        opened(outer, split="test")
    assert not is_masked(outer / "train" / "images")


def save_mask(root, mask, mode=None, name="9.png"):
    picture = Image.fromarray(mask)
    (picture.convert(mode) if mode else picture).save(root / "masks" / name)


@pytest.mark.parametrize(
    ("mask", "mode", "says"),
    [
        (
            np.zeros((6, 4), np.uint8),
            None,
            "9.png: a mask of 6x4 pixels, but the network returns .* 4x6",
        ),
        (np.full((4, 6), 3, np.uint8), None, r"9.png, pixel \(0, 0\): label 3; classes go from 0"),
        (
            np.zeros((4, 6, 3), np.uint8),
            None,
            "9.png: PNG of mode RGB; save the mask as a PNG that is",
        ),
        (np.zeros((4, 6), np.uint8), "1", "9.png: PNG of mode 1; save the mask"),
        (np.zeros((4, 6), np.uint8), "LA", "9.png: PNG of mode LA; save the mask"),
    ],
)
def test_a_wrong_mask_is_refused_by_its_name(folder, mask, mode, says):
    save_mask(folder[0], mask, mode)
    with pytest.raises(DataError, match=says):
        list(opened(folder[0]).batches(9))


def test_grey_of_few_bits_is_refused_because_its_levels_are_spread(folder):
    path = folder[0] / "masks" / "9.png"
    Image.fromarray(np.zeros((4, 6), np.uint8)).convert("L").save(path, bits=4)
    with Image.open(path) as image:
        few = image.tile[0][3] == "L;4"
    if not few:
        pytest.skip("this Pillow writes grey with 8 bits alone")
    with pytest.raises(DataError, match="less than 8 bits"):
        list(opened(folder[0]).batches(9))


def test_masks_of_16_bits_hold_more_than_255_classes(folder):
    many = Target("mask", "classes", (4, 6, 400), tuple(map(str, range(400))), False)
    for name in ("9.png", "10.png"):
        save_mask(folder[0], np.full((4, 6), 300, np.uint16), name=name)
    (batch,) = opened(folder[0], target=many).batches(9)
    assert (batch.targets["mask"] == 300).all()


def test_an_image_without_a_mask_or_of_another_size_is_refused(folder):
    root, images, _ = folder
    Image.fromarray(images[0].transpose(1, 0, 2)).save(root / "images" / "9.png")
    with pytest.raises(DataError, match=r"images/9\.png: 6x4 pixels instead of 4x6"):
        list(opened(root).batches(9))
    (root / "masks" / "10.png").unlink()
    with pytest.raises(DataError, match=r"10\.png has no mask; add .*masks/10\.png"):
        opened(root)


def test_a_damaged_mask_is_refused_by_its_name(folder):
    path = folder[0] / "masks" / "9.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=r"masks/9\.png: "):
        list(opened(folder[0]).batches(9))


def test_masks_in_folders_belong_to_the_images_of_the_same_folder(tmp_path):
    wanted = {}
    for number, city in enumerate(("bonn", "ulm")):
        for part in ("images", "masks"):
            (tmp_path / part / city).mkdir(parents=True)
        Image.new("RGB", (6, 4)).save(tmp_path / "images" / city / "1.bmp")
        Image.new("L", (6, 4), number).save(tmp_path / "masks" / city / "1.png")
        wanted[str(tmp_path / "images" / city / "1.bmp")] = number
    (batch,) = opened(tmp_path).batches(9)
    masks = batch.targets["mask"]
    assert dict(zip(batch.places, masks[:, 0, 0].tolist(), strict=True)) == wanted


@pytest.mark.parametrize(("name", "says"), [("9.pgm", "has no mask"), ("9.png", "PPM of mode L")])
def test_masks_whose_levels_pillow_spreads_are_refused(folder, name, says):
    (folder[0] / "masks" / "9.png").unlink()
    (folder[0] / "masks" / name).write_bytes(b"P5 6 4 2\n" + bytes([0, 1, 2] * 8))
    with pytest.raises(DataError, match=says):
        list(opened(folder[0]).batches(9))
